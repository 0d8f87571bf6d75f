"""The guard of the unit tier guards."""

import socket

import pytest


def test_a_unit_test_cannot_look_up_a_name() -> None:
    with pytest.raises(AssertionError, match="wants the network"):
        socket.getaddrinfo("localhost", 5672)


def test_a_unit_test_cannot_connect() -> None:
    with socket.socket() as one, pytest.raises(AssertionError, match="wants the network"):
        one.connect(("127.0.0.1", 9))


def test_a_unit_test_may_talk_to_itself() -> None:
    left, right = socket.socketpair()
    with left, right:
        left.sendall(b"x")
        assert right.recv(1) == b"x"
