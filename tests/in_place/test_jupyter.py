"""jupyter_client's asynchronous manager and client drive a real ipykernel."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import zmq

import zmqbridge_asyncio

LIMIT = 60


async def test_a_kernel_computes() -> None:
    """A kernel is started, asked, interrupted in nothing, restarted, asked again, and shut down."""
    manager: Any = import_module("jupyter_client.manager").AsyncKernelManager()
    assert type(manager.context) is zmqbridge_asyncio.Context
    await manager.start_kernel()
    client = manager.client()
    try:
        client.start_channels()
        assert type(client.shell_channel.socket) is zmqbridge_asyncio.Socket
        await client.wait_for_ready(timeout=LIMIT)
        for number in range(30):
            assert await compute(client, f"print({number} * 7)") == f"{number * 7}\n"
        assert await client.is_alive()
        where = "import sys; print(sys.modules['zmq.asyncio'].__name__)"
        assert await compute(client, where) == "zmqbridge_asyncio\n"
        await manager.restart_kernel()
        await client.wait_for_ready(timeout=LIMIT)
        assert await compute(client, "print('again')") == "again\n"
    finally:
        client.stop_channels()
        await manager.shutdown_kernel(now=True)
        manager.context.destroy(0)


async def compute(client: Any, code: str) -> str:
    """Return what a kernel prints."""
    printed: list[str] = []

    def note(message: dict[str, Any]) -> None:
        if message["msg_type"] == "stream":
            printed.append(message["content"]["text"])

    reply = await client.execute_interactive(code, timeout=LIMIT, output_hook=note)
    assert reply["content"]["status"] == "ok", reply
    return "".join(printed)


async def test_many_kernels() -> None:
    """Two kernels run side by side."""
    kernels: Any = import_module("jupyter_client.multikernelmanager").AsyncMultiKernelManager()
    names = [await kernels.start_kernel() for _ in range(2)]
    try:
        for number, name in enumerate(names):
            client = kernels.get_kernel(name).client()
            client.start_channels()
            await client.wait_for_ready(timeout=LIMIT)
            assert await compute(client, f"print({number})") == f"{number}\n"
            client.stop_channels()
    finally:
        await kernels.shutdown_all(now=True)
    assert isinstance(kernels.context, zmq.Context)
