"""The server of the local AWS: `python -m tests.infra.local_aws.server PORT [ADDRESS...]`.

It listens on the loopback address and on the given ones. moto's messages go to standard error; a
skipped type of resource appears there as "No Moto CloudFormation support for ...".
"""

import logging
import os
import sys
import threading
from typing import Any

# Before moto reads them.
os.environ["MOTO_IAM_LOAD_MANAGED_POLICIES"] = "true"
os.environ["AWS_EC2_METADATA_DISABLED"] = "true"

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

from tests.infra.local_aws.cloudformation import fill_gaps
from tests.infra.local_aws.permissions import patch_permissions


def main() -> None:
    """Serve until killed."""
    port, *addresses = sys.argv[1:]
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
    # jsonschema would spend seconds to compile this optional grammar, which no test needs.
    sys.modules["rfc3987_syntax"] = None  # type: ignore[assignment]  # no such module
    patch_permissions()
    kept = fill_gaps(f"http://127.0.0.1:{port}")
    app: Any = DomainDispatcherApplication(create_backend_app)
    servers = [
        make_server(address, int(port), app, threaded=True) for address in ("127.0.0.1", *addresses)
    ]
    threads = [threading.Thread(target=each.serve_forever) for each in servers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    del kept


if __name__ == "__main__":
    main()
