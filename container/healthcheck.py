"""Asks the service in this container whether it can predict; exit code 0 when it can.

Run by the container engine every few seconds, so it imports next to nothing.
"""

import socket
import sys

PORT = 8080
TIMEOUT_SECONDS = 2.0
REQUEST = b"GET /health HTTP/1.0\r\nHost: localhost\r\n\r\n"
HEALTHY = b"HTTP/1.1 200 "


def is_healthy() -> bool:
    """Whether `GET /health` is answered with 200 in time."""
    try:
        with socket.create_connection(("127.0.0.1", PORT), TIMEOUT_SECONDS) as connection:
            connection.sendall(REQUEST)
            return connection.recv(len(HEALTHY), socket.MSG_WAITALL) == HEALTHY
    except OSError:
        return False


if __name__ == "__main__":
    sys.exit(0 if is_healthy() else 1)
