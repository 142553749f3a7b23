import socket

import pytest

from app.runtime.server import listen
from models.domain.errors import AddressTaken


class TestListen:
    def test_busy_port_is_named(self):
        with socket.create_server(("127.0.0.1", 0)) as other:
            port = other.getsockname()[1]
            with pytest.raises(AddressTaken, match=f"127.0.0.1:{port}: port {port} is already in use.*FIGMENT_PORT"):
                listen("127.0.0.1", port)

    def test_address_of_another_machine_is_named(self):
        with pytest.raises(AddressTaken, match=r"192\.0\.2\.1:8000"):
            listen("192.0.2.1", 8000)

    def test_freed_port_can_be_taken_again_at_once(self):
        with listen("127.0.0.1", 0) as first:
            port = first.getsockname()[1]
            with socket.create_connection(("127.0.0.1", port)) as client:
                first.accept()[0].close()
                client.recv(1)
        with listen("127.0.0.1", port) as second:
            assert second.getsockname()[1] == port
