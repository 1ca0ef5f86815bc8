"""Where a connection listens and to what it connects: as libzmq has it, and with nothing taken from others."""

from __future__ import annotations

import errno
import os
import socket
import sys
from pathlib import Path

import pytest
import zmq

import zmqbridge
from tests.conformance.harnesses.base import Harness
from tests.conftest import Addresses

pytestmark = [pytest.mark.any_loop, pytest.mark.one_task]

needs_paths = pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="this system has no ipc paths")

ONCE = ["dealer", "requester", "publisher", "subscriber"]
OFTEN = ["pusher", "puller", "router", "pair"]


@pytest.mark.parametrize("transport", ["tcp", "ipc", "inproc"])
@pytest.mark.parametrize("kind", ONCE + OFTEN)
async def test_connected_twice(loop: Harness, addresses: Addresses, kind: str, transport: str) -> None:
    """What is connected to one address twice shows the connections that libzmq has, and is disconnected at once."""
    async with loop.context(linger=0) as context:
        other = context.dealer(bind=[addresses.new(transport), addresses.new(transport)])
        address, another = (endpoint.address for endpoint in other.endpoints)
        connection = getattr(context, kind)(connect=[address, another])
        connection.connect(address)
        once = kind in ONCE and transport != "inproc"
        expected = [address, another] if once else [address, another, address]
        assert [endpoint.address for endpoint in connection.endpoints] == expected
        connection.disconnect(address)
        assert connection.endpoints == (zmqbridge.Endpoint("connect", another),)
        with pytest.raises(zmqbridge.EndpointError, match="no connect to"):
            connection.disconnect(address)
        connection.connect(address)
        connection.disconnect(address)
        connection.disconnect(another)
        assert connection.endpoints == ()


async def test_bound_and_connected_to_itself(loop: Harness, addresses: Addresses) -> None:
    """libzmq ends all that a socket has at an address, so a connection that listens where it connects says so."""
    async with loop.context(linger=0) as context:
        dealer = context.dealer(bind=addresses.new("tcp"))
        address = dealer.endpoints[0].address
        dealer.connect(address)
        dealer.disconnect(address)
        assert dealer.endpoints == ()
        with pytest.raises(zmqbridge.EndpointError):
            dealer.unbind(address)


async def test_given_up_in_vain(loop: Harness, addresses: Addresses, monkeypatch: pytest.MonkeyPatch) -> None:
    """An endpoint that libzmq does not give up is still one of the connection's."""
    async with loop.context(linger=0) as context:
        puller = context.puller(bind=addresses.new("tcp"))
        endpoints = puller.endpoints

        def refuse(address: str) -> None:
            raise zmq.ZMQError(errno.ENOENT)

        with monkeypatch.context() as patched:
            patched.setattr(puller._link.socket.raw, "unbind", refuse)
            with pytest.raises(zmqbridge.EndpointError, match="cannot unbind"):
                puller.unbind(endpoints[0].address)
        assert puller.endpoints == endpoints
        puller.unbind(endpoints[0].address)


@pytest.mark.parametrize("length", [100, 255, 256, 5000])
async def test_long_names(loop: Harness, addresses: Addresses, length: int) -> None:
    """A name within the process may be as long as one likes, and is bound, used and given up like any other."""
    address = "inproc://" + "x" * length
    async with loop.context(linger=0) as context:
        puller = context.puller(bind=address)
        assert puller.endpoints == (zmqbridge.Endpoint("bind", address),)
        await context.pusher(connect=address).send(b"x")
        assert await puller.receive() == [b"x"]
        puller.unbind(address)
        assert context.puller(bind=address).endpoints == (zmqbridge.Endpoint("bind", address),)


async def test_address_that_cannot_be_told(
    loop: Harness, addresses: Addresses, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where libzmq does not tell what it has bound, it is given up again, and the error names it."""
    async with loop.context(linger=0) as context:
        puller = context.puller()
        refused = zmq.ZMQError(errno.EINVAL)
        asked = puller._link.socket._get

        def get(option: int) -> object:
            if option == zmq.LAST_ENDPOINT:
                raise refused
            return asked(option)

        probe = context.puller(bind=addresses.new("tcp"))
        address = probe.endpoints[0].address
        probe.close()
        with monkeypatch.context() as patched:
            patched.setattr(puller._link.socket, "_get", get)
            while True:
                with pytest.raises(zmqbridge.EndpointError, match=r"cannot bind .* to 'tcp://") as raised:
                    puller.bind(address)
                if raised.value.errno != errno.EADDRINUSE:
                    break  # until the other has given it up
                await loop.turn()
        assert puller.endpoints == ()
        while puller.endpoints == ():
            try:
                puller.bind(address)
            except zmqbridge.EndpointError:
                await loop.turn()


async def test_not_utf8(loop: Harness) -> None:
    """An address that cannot be written as UTF-8 is refused, and named."""
    async with loop.context() as context:
        with pytest.raises(zmqbridge.EndpointError, match=r"'ipc:///tmp/\\udcff' cannot be written as UTF-8"):
            context.puller(bind="ipc:///tmp/\udcff")


# --- ranges of ports ---


def free_ports(count: int, host: str = "127.0.0.1") -> tuple[int, list[socket.socket]]:
    """Return the first of so many ports in a row, and what keeps each of them taken until it is closed."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    while True:
        taken = [socket.create_server((host, 0), family=family)]
        first = taken[0].getsockname()[1]
        try:
            taken += [socket.create_server((host, first + more), family=family) for more in range(1, count)]
        except (OSError, OverflowError):
            continue
        else:
            return first, taken
        finally:
            if len(taken) < count:
                for each in taken:
                    each.close()


@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.parametrize("host", ["127.0.0.1", "*"])
async def test_range_of_ports(loop: Harness, count: int, host: str) -> None:
    """Of a range of ports each is taken once, and the endpoint says which; when all are taken, the error says that."""
    async with loop.context(linger=0) as context:
        first, taken = free_ports(count)
        for each in taken:
            each.close()
        address = f"tcp://{host}:[{first}-{first + count - 1}]"
        pullers = [context.puller(bind=address) for _ in range(count)]
        bound = [puller.endpoints[0].address for puller in pullers]
        own = "0.0.0.0" if host == "*" else host
        assert sorted(bound) == [f"tcp://{own}:{first + number}" for number in range(count)]
        await context.pusher(connect=f"tcp://127.0.0.1:{bound[0].rpartition(':')[2]}").send(b"hello")
        assert await pullers[0].receive() == [b"hello"]
        another = context.puller()
        with pytest.raises(zmqbridge.EndpointError, match=rf"none of its {count} port\(s\) is free") as caught:
            another.bind(address)
        assert repr(address) in str(caught.value)
        assert caught.value.errno == errno.EADDRINUSE
        assert another.endpoints == ()


async def test_the_one_that_is_free(loop: Harness) -> None:
    """Whichever of a range is free is found, and can be given up and taken again by the address that it has."""
    async with loop.context(linger=0) as context:
        for free in range(3):
            first, taken = free_ports(3)
            taken[free].close()
            puller = context.puller(bind=f"tcp://127.0.0.1:[{first}-{first + 2}]")
            (endpoint,) = puller.endpoints
            assert endpoint.address == f"tcp://127.0.0.1:{first + free}"
            puller.unbind(endpoint.address)
            assert puller.endpoints == ()
            for each in taken:
                each.close()


async def test_at_random(loop: Harness) -> None:
    """A port of a range is taken at random: programs that begin at once do not meet at each."""
    async with loop.context(linger=0) as context:
        ports = {context.puller(bind="tcp://127.0.0.1:[20000-60000]").endpoints[0].address for _ in range(3)}
        assert sorted(ports) != [f"tcp://127.0.0.1:{port}" for port in range(20000, 20003)]
        assert len(ports) == 3


async def test_range_of_ipv6(loop: Harness) -> None:
    """A range is one for an address of IPv6 as well."""
    try:
        first, taken = free_ports(2, "::1")
    except OSError:
        pytest.skip("this machine has no IPv6")
    taken.pop(0).close()
    async with loop.context(linger=0) as context:
        options = zmqbridge.SocketOptions(ipv6=True)
        puller = context.puller(bind=f"tcp://[::1]:[{first}-{first + 1}]", options=options)
        assert puller.endpoints[0].address == f"tcp://[::1]:{first}"
    taken.pop().close()


async def test_range_of_no_interface(loop: Harness) -> None:
    """What is wrong with the host is said of a range as of one port, at the first that is tried."""
    async with loop.context(linger=0) as context:
        with pytest.raises(zmqbridge.EndpointError, match="no interface of this machine has that"):
            context.puller(bind="tcp://192.0.2.1:[20000-60000]")


async def test_range_to_connect(loop: Harness) -> None:
    """A range of ports is to bind: to connect to one, to give one up or to disconnect from it is an error."""
    async with loop.context(linger=0) as context:
        with pytest.raises(zmqbridge.EndpointError, match="a range of ports is to bind; give the one port"):
            context.puller(connect="tcp://127.0.0.1:[20000-20100]")
        puller = context.puller()
        for call in (puller.connect, puller.unbind, puller.disconnect):
            with pytest.raises(zmqbridge.EndpointError):
                call("tcp://127.0.0.1:[20000-20100]")
        assert puller.endpoints == ()


# --- ipc paths ---


@needs_paths
async def test_path_in_use(loop: Harness, addresses: Addresses) -> None:
    """An ipc path at which somebody listens is in use, as a port is, and whoever listens there goes on."""
    address = addresses.new("ipc")
    async with loop.context(linger=0) as context:
        first, second = context.puller(bind=address), context.puller()
        for bind in (lambda: context.puller(bind=address), lambda: second.bind(address)):
            with pytest.raises(zmqbridge.EndpointError, match="the address is in use") as raised:
                bind()
            assert raised.value.errno == errno.EADDRINUSE
            assert repr(address) in str(raised.value)
        assert second.endpoints == ()
        await context.pusher(connect=address).send(b"x")
        assert await first.receive() == [b"x"]


@needs_paths
async def test_path_of_others(loop: Harness, addresses: Addresses) -> None:
    """A path is in use too where it is not ZeroMQ that listens, is too busy to accept, or takes datagrams."""
    async with loop.context(linger=0) as context:
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
            address = addresses.new("ipc")
            with socket.socket(socket.AF_UNIX, kind) as other, socket.socket(socket.AF_UNIX, kind) as client:
                other.bind(address.removeprefix("ipc://"))
                if kind == socket.SOCK_STREAM:
                    other.listen(0)
                    client.connect(address.removeprefix("ipc://"))
                with pytest.raises(zmqbridge.EndpointError, match="the address is in use"):
                    context.puller(bind=address)


@needs_paths
async def test_stale_path(loop: Harness, addresses: Addresses) -> None:
    """The file that a socket has left behind is taken over."""
    address = addresses.new("ipc")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as left:
        left.bind(address.removeprefix("ipc://"))
    async with loop.context(linger=0) as context:
        puller = context.puller(bind=address)
        await context.pusher(connect=address).send(b"x")
        assert await puller.receive() == [b"x"]


@needs_paths
async def test_path_of_a_file(loop: Harness, addresses: Addresses) -> None:
    """A file that is no socket is not removed for one."""
    address = addresses.new("ipc")
    path = address.removeprefix("ipc://")
    os.close(os.open(path, os.O_CREAT))
    async with loop.context(linger=0) as context:
        for each in (address, os.path.dirname(address)):
            with pytest.raises(zmqbridge.EndpointError, match="libzmq would remove it"):
                context.puller(bind=each)
    os.stat(path)


@pytest.mark.skipif(sys.platform != "linux", reason="Linux has abstract names")
async def test_abstract_name_in_use(loop: Harness, addresses: Addresses) -> None:
    """An abstract name that is in use is named by the system."""
    address = f"ipc://@zmqbridge-{os.getpid()}-{id(addresses)}"
    async with loop.context(linger=0) as context:
        context.puller(bind=address)
        with pytest.raises(zmqbridge.EndpointError, match="the address is in use"):
            context.puller(bind=address)


@pytest.mark.skipif(sys.platform != "linux", reason="Linux has abstract names")
async def test_abstract_name_that_a_file_has(loop: Harness, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An abstract name is no path: it is free, whatever file of that name there is."""
    monkeypatch.chdir(tmp_path)
    file = tmp_path / f"@zmqbridge-{os.getpid()}-file"
    file.touch()
    async with loop.context(linger=0) as context:
        puller = context.puller(bind=f"ipc://{file.name}")
        await context.pusher(connect=puller.endpoints[0].address).send(b"x")
        assert await puller.receive() == [b"x"]


@needs_paths
async def test_path_that_is_too_long(loop: Harness, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A path that is too long for the system is named as such, though a socket's file has it."""
    folder = tmp_path / ("x" * 120)
    folder.mkdir()
    monkeypatch.chdir(folder)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listening:
        listening.bind("there")
        listening.listen()
        async with loop.context(linger=0) as context:
            with pytest.raises(zmqbridge.EndpointError, match="too long") as raised:
                context.puller(bind=f"ipc://{folder / 'there'}")
    assert raised.value.errno == errno.ENAMETOOLONG


@needs_paths
async def test_descriptor_that_is_given(loop: Harness, addresses: Addresses) -> None:
    """A path is not asked where the caller has bound it already, and gives libzmq the descriptor to listen on."""
    address = addresses.new("ipc")
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listening.bind(address.removeprefix("ipc://"))
    listening.listen()
    async with loop.context(linger=0) as context:
        puller = context.puller()
        puller.setsockopt(zmq.USE_FD, listening.detach())
        puller.bind(address)
        await context.pusher(connect=address).send(b"x")
        assert await puller.receive() == [b"x"]
