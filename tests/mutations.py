"""Take each rule out of the code, one at a time, and see that a test fails: ``make mutants``.

A mutation is a piece of source and what stands there instead. Each is applied to a copy of the project, where the
tests that should notice are run. It is told which test noticed first; one that nobody noticed is an error.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
SECONDS = 280

MODEL = ("tests/model", "tests/test_readiness.py")
SOCKET = ("tests/test_socket.py",)
TRIO = ("tests/conformance", "--harness", "trio")
ASYNCIO = ("tests/conformance", "--harness", "asyncio")
TWISTED = ("tests/conformance", "--harness", "twisted-epoll")
TRIAL = ("tests/test_trial.py", "-k", "epoll")


@dataclass(frozen=True)
class Mutation:
    """One rule taken out.

    Attributes:
        rule: the rule, in a few words; the number is its place in the page on the descriptor.
        path: the file.
        old: what stands there; exactly once.
        new: what stands there instead.
        tests: arguments of pytest.
    """

    rule: str
    path: str
    old: str
    new: str
    tests: tuple[str, ...] = MODEL


CHANNEL = "zmqbridge/_channel.py"
SOCKET_FILE = "zmqbridge/_socket.py"
READINESS = "zmqbridge/readiness.py"
PUMP = "zmqbridge/_pump.py"

MUTATIONS = [
    Mutation(
        "2: look again after a send",
        CHANNEL,
        "            self.sent += 1\n            self.touched()\n",
        "            self.sent += 1\n",
    ),
    Mutation(
        "2: look again after a failed send that saw input",
        CHANNEL,
        "        elif self.socket.input_pending and self.readiness.wants_input:\n            self.touched()\n",
        "",
    ),
    Mutation(
        "2: look again after any other call",
        CHANNEL,
        "            yield self.socket\n        finally:\n            self.touched()\n",
        "            yield self.socket\n        finally:\n            pass\n",
    ),
    Mutation(
        "2: look again after a send that libzmq refused",
        CHANNEL,
        "        except ZmqBridgeError:\n            self.touched()\n            raise\n",
        "        except ZmqBridgeError:\n            raise\n",
        ASYNCIO,
    ),
    Mutation(
        "2: a message that comes between the drain and the look for room",
        CHANNEL,
        "                    stale = True  # it came since the batch was read, and its edge is gone\n",
        "                    pass\n",
        ("tests/conformance/test_edge.py", "--harness", "asyncio"),
    ),
    Mutation(
        "2: a request that waits for room lets late replies be read",
        "zmqbridge/connections/reqrep.py",
        "        self._channel.readiness.reads_always = True\n",
        "",
    ),
    Mutation(
        "2: read EVENTS, too, where a writer waits",
        CHANNEL,
        "            if readiness.lanes or not reading:\n",
        "            if not reading:\n",
    ),
    Mutation(
        "3: a batch that was not the end is followed by another",
        CHANNEL,
        "                stale = not self._read()\n",
        "                self._read()\n",
        ASYNCIO,
    ),
    Mutation(
        "3: a drain reads until EAGAIN",
        SOCKET_FILE,
        "        except zmq.Again:\n            return messages, True\n",
        "        except zmq.Again:\n            return messages, False\n",
        ASYNCIO,
    ),
    Mutation(
        "4: a descriptor that fires for nobody is dropped (asyncio)",
        "zmqbridge_asyncio/watch.py",
        "            self._release(self._fd)\n",
        "            pass\n",
        ASYNCIO,
    ),
    Mutation(
        "4: a descriptor that fires for nobody is dropped (Twisted)",
        "zmqbridge_twisted/reader.py",
        "            self._release(self._fd)\n",
        "            pass\n",
        TWISTED,
    ),
    Mutation(
        "5: a false EAGAIN",
        SOCKET_FILE,
        "        while self.events() & POLLOUT:\n",
        "        self.events()\n        while False:\n",
        SOCKET,
    ),
    Mutation(
        "5: a router's full peer is not tried in a circle",
        SOCKET_FILE,
        "            if not self.tells_room:\n                self.events()\n                break\n",
        "            self.events()\n",
        SOCKET,
    ),
    Mutation(
        "5: a router's room is looked for again",
        CHANNEL,
        "        if self.readiness.lanes and not self.socket.tells_room:\n            return LOOK_AGAIN",
        "        if False:\n            return LOOK_AGAIN",
        ("tests/model", "tests/conformance", "--harness", "asyncio"),
    ),
    Mutation(
        "6: a message is sent from its first frame again",
        SOCKET_FILE,
        "            if 0 < index < last:\n                self._forget_the_rest()\n",
        "",
        SOCKET,
    ),
    Mutation(
        "6: a message is read whole",
        SOCKET_FILE,
        "                while frame.more:\n",
        "                while False:\n",
        ASYNCIO,
    ),
    Mutation(
        "7: unregister before the descriptor is closed",
        CHANNEL,
        "        self._release()\n        self.socket.close()\n",
        "        self.socket.close()\n",
        TWISTED,
    ),
    Mutation(
        "7: closing wakes all that are parked",
        CHANNEL,
        "        self.buffer.clear()\n        self.readiness.wake_all()\n        self._release()\n",
        "        self.buffer.clear()\n        self._release()\n",
        ASYNCIO,
    ),
    Mutation(
        "8: the context is terminated off the loop's thread",
        "zmqbridge/_termination.py",
        'threading.Thread(target=self._terminate, name="zmqbridge-termination", daemon=True).start()',
        "self._terminate()",
        ASYNCIO,
    ),
    Mutation(
        "8: the end of the interpreter waits for what is unsent",
        "zmqbridge/_termination.py",
        "    for termination in list(_under_way):\n        termination.join()\n",
        "    pass\n",
        ("tests/test_backends.py", *TRIAL),
    ),
    Mutation(
        "one leads: when it leaves, another takes over",
        READINESS,
        "            self._lead(next(reversed(self._candidates), None))\n",
        "            self._lead(None)\n",
    ),
    Mutation(
        "one leads: who takes over is woken",
        READINESS,
        "            if self.leader is not None:\n                self.leader.wake()\n",
        "",
    ),
    Mutation(
        "nothing lost: a served reader that is cancelled gives its message to the next",
        READINESS,
        "            self.claim(parked)\n            self.serve_readers(messages)\n",
        "            self.claim(parked)\n",
    ),
    Mutation(
        "nothing lost: a writer that leaves lets the next one try",
        READINESS,
        "        elif parked.served:\n            self._let_try(lane)\n",
        "",
    ),
    Mutation(
        "nothing lost: no await between a message and its return",
        "zmqbridge/connections/base.py",
        "        item: Item = self._channel.take()\n        return item\n\n    def receive_nowait",
        "        item: Item = self._channel.take()\n"
        "        await self._context._find_backend().checkpoint()\n"
        "        return item\n\n    def receive_nowait",
        ("tests/model", "tests/conformance/test_cancellation.py", "--harness", "asyncio"),
    ),
    Mutation(
        "the loop stays alive: a batch is bounded",
        CHANNEL,
        "        room = self.batch - len(self.buffer)\n",
        "        room = 1_000_000_000\n",
        ASYNCIO,
    ),
    Mutation(
        "the loop stays alive: a checkpoint for each batch's worth of sends",
        CHANNEL,
        "        if self._budget <= 0 or backend.strict_checkpoints:\n"
        "            await self._checkpoint(backend)\n            self.check_caller()\n        if lane",
        "        if lane",
        ASYNCIO,
    ),
    Mutation(
        "handlers: a wake during a look makes it look again",
        PUMP,
        "        if self._looking:\n            self._woken = True\n        elif",
        "        if self._looking:\n            pass\n        elif",
    ),
    Mutation(
        "handlers: what a look left behind is still unread when its last messages are delivered",
        PUMP,
        "                self._woken = False\n                channel.serve()\n",
        "                channel.serve()\n            self._woken = False\n",
    ),
    Mutation(
        "handlers: what a look leaves is for the next turn",
        PUMP,
        "                if self._woken or channel.buffer:\n                    self.wake()\n",
        "                pass\n",
    ),
]


def copy_of_the_project(folder: Path) -> Path:
    """Return a copy of all that belongs to the project, uncommitted changes included."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in listed.stdout.splitlines():
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    return folder


def try_one(mutation: Mutation) -> str | None:
    """Return the first test that noticed, or ``None``.

    Raises:
        ValueError: if the source does not read so any more.
    """
    with tempfile.TemporaryDirectory() as folder:
        project = copy_of_the_project(Path(folder))
        path = project / mutation.path
        source = path.read_text()
        if source.count(mutation.old) != 1:
            raise ValueError(
                f"{mutation.path} holds {mutation.old!r} {source.count(mutation.old)} times; mend the mutation"
            )
        path.write_text(source.replace(mutation.old, mutation.new))
        command = [
            sys.executable,
            "-m",
            "pytest",
            "-x",
            "-q",
            "--timeout",
            "20",
            "-p",
            "no:cacheprovider",
            *mutation.tests,
        ]
        try:
            done = subprocess.run(command, cwd=project, capture_output=True, text=True, timeout=SECONDS, check=False)
        except subprocess.TimeoutExpired:
            return "it hung, and the time of the whole run was over"
        if done.returncode == 0:
            return None
        found = re.search(r"^(?:FAILED|ERROR) (\S+)", done.stdout, re.MULTILINE)
        hung = re.search(r"Timeout.*\n(?:.*\n)*?.*tests/(\S+)", done.stdout + done.stderr)
        return found.group(1) if found else f"a time limit: {hung.group(1)}" if hung else done.stdout[-300:]


def main() -> None:
    chosen = [mutation for mutation in MUTATIONS if all(word in mutation.rule for word in sys.argv[1:])]
    survivors = 0
    for mutation in chosen:
        noticed = try_one(mutation)
        survivors += noticed is None
        print(
            f"{'survived' if noticed is None else 'noticed '}  {mutation.rule}\n          {noticed or 'by nobody'}",
            flush=True,
        )
    print(f"{len(chosen) - survivors} of {len(chosen)} noticed")
    sys.exit(survivors)


if __name__ == "__main__":
    main()
