"""Take each rule out of the code, one at a time, and see that a test fails: ``make mutants``.

A mutation is a piece of source and what stands there instead. Each is applied to a copy of the project, where the
tests that should notice are run, without the C extension. It is told which test noticed first, and that test must
pass where nothing is taken out. A mutation that nobody noticed is an error. ``make mutants ARGS="2: send"`` tries those
whose rule holds these words.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
SECONDS = 600
TESTS_FAILED = 1  # pytest's exit code

MODEL = ("tests/test_readiness.py", "tests/model")
SOCKET = ("tests/test_socket.py",)
BACKENDS = ("tests/test_backends.py",)
TURNS = ("tests/loops/test_asyncio.py", "-k", "one_turn or a_turn")


def conformance(loop: str, *names: str) -> tuple[str, ...]:
    """Return the arguments that run these files of the conformance suite on one loop."""
    return (*(f"tests/conformance/test_{name}.py" for name in names), "--harness", loop)


@dataclass(frozen=True)
class Mutation:
    """One rule taken out.

    Attributes:
        rule: the rule, in a few words. The number is that of the descriptor's rule: 1 it is only ever readable,
            2 any call may consume its edge, 3 after EAGAIN it is armed, 4 it is never left unread, 5 EAGAIN and
            POLLOUT may be wrong, 6 a message goes whole, 7 unregister before closing, 8 never end the context on
            the loop's thread.
        path: the file.
        old: what stands there; exactly once, or it is changed ``everywhere``.
        new: what stands there instead.
        tests: arguments of pytest.
        everywhere: it may stand in several places.
    """

    rule: str
    path: str
    old: str
    new: str
    tests: tuple[str, ...] = MODEL
    everywhere: bool = False


CHANNEL = "zmqbridge/_channel.py"
SOCKET_FILE = "zmqbridge/_socket.py"
READINESS = "zmqbridge/readiness.py"
PUMP = "zmqbridge/_pump.py"
PROTOCOLS = "zmqbridge/protocols.py"
REQREP = "zmqbridge/connections/reqrep.py"
UNANSWERED = "zmqbridge_twisted/unanswered.py"

MUTATIONS = [
    Mutation(
        "1: who waits for room waits for the descriptor to be readable",
        CHANNEL,
        "        await waiter.wait(self.socket.fd if leads else None, deadline)\n",
        "        await waiter.wait(self.socket.fd if leads and self.readiness.wants_input else None, deadline)\n",
        conformance("asyncio", "pipeline"),
    ),
    Mutation(
        "1: EVENTS says whether there is room",
        CHANNEL,
        "                    readiness.let_writers_try()\n",
        "                    pass\n",
    ),
    Mutation(
        "2: look again after a send",
        CHANNEL,
        "            self.sent += 1\n            self.touched()\n",
        "            self.sent += 1\n",
        conformance("asyncio", "edge"),
    ),
    Mutation(
        "2: look again after a send that neither waits nor asks",
        CHANNEL,
        "        if leader is not None:\n            leader.wake()\n        return True\n",
        "        return True\n",
        conformance("asyncio", "edge"),
    ),
    Mutation(
        "a send that asks for nothing is for the channel's own thread alone",
        CHANNEL,
        "        if self._sends_left <= 0 or self._unchecked != get_ident() or self._lanes:\n",
        "        if self._sends_left <= 0 or self._unchecked is None or self._lanes:\n",
        conformance("asyncio", "misuse"),
    ),
    Mutation(
        "a send that asks for nothing does not overtake those that wait",
        CHANNEL,
        "        if self._sends_left <= 0 or self._unchecked != get_ident() or self._lanes:\n",
        "        if self._sends_left <= 0 or self._unchecked != get_ident():\n",
        conformance("asyncio", "pipeline", "storms", "lifecycle"),
    ),
    Mutation(
        "a receive that asks for nothing is for the channel's own thread alone",
        CHANNEL,
        "        if self._unchecked == get_ident() and len(self.buffer) > self.readiness.reserved:\n",
        "        if self._unchecked is not None and len(self.buffer) > self.readiness.reserved:\n",
        conformance("asyncio", "misuse"),
    ),
    Mutation(
        "a receive that asks for nothing does not take what is another's",
        CHANNEL,
        "        if self._unchecked == get_ident() and len(self.buffer) > self.readiness.reserved:\n",
        "        if self._unchecked == get_ident() and self.buffer:\n",
        conformance("asyncio", "pipeline", "cancellation", "storms"),
    ),
    Mutation(
        "a program that sends without end lets the loop run",
        CHANNEL,
        "        if self._sends_left <= 0 or self._unchecked != get_ident() or self._lanes:\n",
        "        if self._unchecked != get_ident() or self._lanes:\n",
        conformance("asyncio", "fairness"),
    ),
    Mutation(
        "a look that reads nothing lets the loop run none the less",
        CHANNEL,
        "                self._reads_left -= 1  # a look costs something though it reads nothing\n",
        "",
        conformance("asyncio", "lifecycle"),
    ),
    Mutation(
        "what one turn reads does not keep others from sending in the next",
        CHANNEL,
        "            self._reads_left -= len(messages)\n",
        "            self._sends_left -= len(messages)\n",
        TURNS,
    ),
    Mutation(
        "a send that waited for its turn leaves the turn's sends to others",
        CHANNEL,
        "            self._sends_left += 1\n",
        "",
        TURNS,
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
        conformance("asyncio", "edge"),
    ),
    Mutation(
        "2: look again after a send that libzmq refused",
        CHANNEL,
        "        except ZmqBridgeError:\n            self.touched()\n            raise\n",
        "        except ZmqBridgeError:\n            raise\n",
        conformance("asyncio", "edge"),
    ),
    Mutation(
        "2: a message that comes between the drain and the look for room",
        CHANNEL,
        "                    stale = True  # it came since the batch was read, and its edge is gone\n",
        "                    pass\n",
        conformance("asyncio", "edge"),
    ),
    Mutation(
        "2: a request that waits for room lets late replies be read",
        REQREP,
        "        self._channel.readiness.reads_always = True\n",
        "",
        conformance("asyncio", "lifecycle"),
    ),
    Mutation(
        "2: read EVENTS, too, where a writer waits",
        CHANNEL,
        "            if readiness.lanes or not reading:\n",
        "            if not reading:\n",
        (*conformance("asyncio", "edge", "routing"), *MODEL),
    ),
    Mutation(
        "3: a batch that was not the end is followed by another",
        CHANNEL,
        "                stale = not self._read()\n",
        "                self._read()\n",
        conformance("asyncio", "lifecycle", "pipeline"),
    ),
    Mutation(
        "3: a drain reads until EAGAIN",
        SOCKET_FILE,
        "        except zmq.Again:\n            return messages, True\n",
        "        except zmq.Again:\n            return messages, False\n",
        conformance("asyncio", "fairness"),
        everywhere=True,
    ),
    Mutation(
        "3: a readable descriptor with nothing ready is no message",
        CHANNEL,
        "            while not parked.served:\n                await self._park(backend, parked, None)\n",
        "            if not parked.served:\n                await self._park(backend, parked, None)\n",
        conformance("asyncio", "lifecycle"),
    ),
    Mutation(
        "4: a descriptor that fires for nobody is dropped (asyncio)",
        "zmqbridge_asyncio/watch.py",
        "            self._release(self._fd)\n",
        "            pass\n",
        (*BACKENDS, "-k", "fires_for_nobody"),
    ),
    Mutation(
        "4: a descriptor that fires for nobody is dropped (Twisted)",
        "zmqbridge_twisted/reader.py",
        "            self._release(self._fd)\n",
        "            pass\n",
        (*BACKENDS, "-k", "fires_for_nobody"),
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
        conformance("asyncio", "edge"),
    ),
    Mutation(
        "6: a message is sent from its first frame again",
        SOCKET_FILE,
        "            if self._swallows and 0 < index < last:\n                self._forget_the_rest()\n",
        "",
        SOCKET,
    ),
    Mutation(
        "6: a message is read whole",
        SOCKET_FILE,
        "                while frame.more:\n",
        "                while False:\n",
        conformance("asyncio", "pipeline"),
    ),
    Mutation(
        "7: unregister before the descriptor is closed",
        CHANNEL,
        "        self._release()\n        self.socket.close()\n",
        "        self.socket.close()\n",
        conformance("twisted-epoll", "closing"),
    ),
    Mutation(
        "7: closing wakes all that are parked",
        CHANNEL,
        "        self.buffer.clear()\n        self.readiness.wake_all()\n        self._release()\n",
        "        self.buffer.clear()\n        self._release()\n",
        conformance("asyncio", "closing"),
    ),
    Mutation(
        "8: the context is terminated off the loop's thread",
        "zmqbridge/_termination.py",
        'threading.Thread(target=self._terminate, name="zmqbridge-termination", daemon=True).start()',
        "self._terminate()",
        conformance("asyncio", "closing"),
    ),
    Mutation(
        "8: the end of the interpreter waits for what is unsent",
        "zmqbridge/_termination.py",
        "        for termination in list(_under_way):\n            termination.join()\n",
        "        pass\n",
        (*BACKENDS, "-k", "waits_for_a_peer"),
    ),
    Mutation(
        "one leads: when it leaves, another takes over",
        READINESS,
        "            self._lead(next(reversed(self._candidates), None))\n",
        "            self._lead(None)\n",
        conformance("asyncio", "cancellation"),
    ),
    Mutation(
        "one leads: who takes over is woken",
        READINESS,
        "            if self.leader is not None:\n                self.leader.wake()\n",
        "",
        conformance("asyncio", "cancellation"),
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
        ("tests/model", *conformance("asyncio", "cancellation")),
    ),
    Mutation(
        "the loop stays alive: a batch is bounded",
        CHANNEL,
        "        room = self.batch - len(self.buffer)\n",
        "        room = 1_000_000_000\n",
        conformance("asyncio", "fairness", "hostile"),
    ),
    Mutation(
        "the loop stays alive: a checkpoint for each batch's worth of sends",
        CHANNEL,
        "        if self._sends_left <= 0 or backend.strict_checkpoints:\n"
        "            await self._checkpoint(backend)\n            self.check_caller()\n"
        "            self._sends_left += 1\n        if lane",
        "        if lane",
        conformance("asyncio", "fairness"),
    ),
    Mutation(
        "the loop stays alive: a batch is bounded in bytes",
        SOCKET_FILE,
        "                if room <= 0:\n                    break\n",
        "",
        (*SOCKET, *conformance("asyncio", "hostile")),
        everywhere=True,
    ),
    Mutation(
        "the loop stays alive: a frame costs something though it is empty",
        SOCKET_FILE,
        "FRAME_COST = 256\n",
        "FRAME_COST = 0\n",
        conformance("asyncio", "hostile"),
    ),
    Mutation(
        "nothing let in: what is malformed is told once a burst",
        PROTOCOLS,
        "QUIET_SECONDS = 10.0\n",
        "QUIET_SECONDS = 0.0\n",
        conformance("asyncio", "hostile"),
    ),
    Mutation(
        "nothing let in: what is malformed raises nothing (subscriber)",
        PROTOCOLS,
        "append(read_publication(frames))\n            except RemoteProtocolError as error:\n",
        "append(read_publication(frames))\n            except ZeroDivisionError as error:\n",
        conformance("asyncio", "hostile"),
    ),
    Mutation(
        "nothing let in: a reply is matched by its whole id, and by no id that begins with it",
        PROTOCOLS,
        "            pending = self._pending.pop(id, None)\n",
        "            pending = self._pending.pop(id[:16], None)\n",
        conformance("asyncio", "hostile"),
    ),
    Mutation(
        "nothing let in: a reply is matched by its whole id, and not by its beginning",
        PROTOCOLS,
        "            pending = self._pending.pop(id, None)\n",
        "            whole = next((known for known in self._pending if known.startswith(id)), id)\n"
        "            pending = self._pending.pop(whole, None)\n",
        conformance("asyncio", "hostile"),
    ),
    Mutation(
        "nothing let in: a request has one reply",
        PROTOCOLS,
        "            pending = self._pending.pop(id, None)\n",
        "            pending = self._pending.get(id)\n",
        ("tests/model", *conformance("asyncio", "reqrep")),
    ),
    Mutation(
        "nothing let in: a reply goes back along the whole route",
        "zmqbridge/framing.py",
        "    return [*envelope.route, envelope.id, DELIMITER, *parts]\n",
        "    return [*envelope.route[:1], envelope.id, DELIMITER, *parts]\n",
        ("tests/test_framing.py", *conformance("asyncio", "hostile")),
    ),
    Mutation(
        "nothing let in: the largest message is libzmq's to know",
        "zmqbridge/options.py",
        '            kind = spec.metadata["kind"]\n            if kind == "seconds":\n',
        '            if spec.name == "max_message_size":\n                continue\n'
        '            kind = spec.metadata["kind"]\n            if kind == "seconds":\n',
        conformance("asyncio", "options", "strangers"),
    ),
    Mutation(
        "nothing let in: a client that makes no room is waited for once",
        REQREP,
        "        wait = 0.0 if peer in self._deaf else self._reply_timeout\n",
        "        wait = self._reply_timeout\n",
        conformance("asyncio", "reqrep", "hostile"),
    ),
    Mutation(
        "nothing let in: a request waits here until a peer is connected",
        REQREP,
        '{"immediate": True}\n',
        "{}\n",
        conformance("asyncio", "reqrep"),
    ),
    Mutation(
        "nothing let in: nothing is unpickled",
        PROTOCOLS,
        "import os\n",
        "import os\nimport pickle\n",
        ("tests/test_imports.py",),
    ),
    Mutation(
        "handlers: only so many requests wait for an answer",
        UNANSWERED,
        "(len(requests) > limit or next(iter",
        "(next(iter",
        ("tests/test_fuzz.py",),
    ),
    Mutation(
        "handlers: a request waits for an answer only so long",
        UNANSWERED,
        "(len(requests) > limit or next(iter(requests.values()))[0] < now - lifetime)",
        "len(requests) > limit",
        ("tests/test_fuzz.py",),
    ),
    Mutation(
        "handlers: two clients that choose the same id are told apart",
        UNANSWERED,
        "        while id in requests:\n",
        "        while False:\n",
        ("tests/test_fuzz.py",),
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


def mutated(mutation: Mutation, source: str) -> str:
    """Return its file's source with the rule taken out.

    Raises:
        ValueError: if what is to be taken out does not stand there.
    """
    found = source.count(mutation.old)
    if found != 1 and not (found and mutation.everywhere):
        raise ValueError(f"{mutation.path} holds {mutation.old!r} {found} times; mend the mutation")
    return source.replace(mutation.old, mutation.new)


def try_one(mutation: Mutation) -> str | None:
    """Return the first test that noticed, or ``None``.

    Raises:
        ValueError: if the source does not read so any more, or the tests tell nothing.
    """
    with tempfile.TemporaryDirectory() as folder:
        project = copy_of_the_project(Path(folder))
        path = project / mutation.path
        source = path.read_text()
        path.write_text(mutated(mutation, source))
        code, output = run_tests(project, mutation.tests)
        if not code:
            return None
        noticed = re.search(r"^(?:FAILED|ERROR) (tests/\S+?::.*?)(?: - .*)?$", output, re.MULTILINE)
        if code == TESTS_FAILED and noticed:
            path.write_text(source)
            options = [argument for argument in mutation.tests if not argument.startswith("tests/")]
            if run_tests(project, (noticed.group(1), *options))[0]:
                raise ValueError(f"{noticed.group(1)} fails without a mutation as well")
            return noticed.group(1)
        hung = re.search(r"Timeout.*\n(?:.*\n)*?.*tests/(\S+)", output)
        if hung:
            return f"a time limit: {hung.group(1)}"
        raise ValueError(f"pytest ended with {code}:\n{output[-1000:]}")


def run_tests(project: Path, tests: tuple[str, ...]) -> tuple[int, str]:
    """Run tests until one fails; return pytest's exit code and what it printed.

    Raises:
        ValueError: if that takes too long.
    """
    command = [sys.executable, "-m", "pytest", "-x", "-q", "--timeout", "20", "-p", "no:cacheprovider", *tests]
    # Processes that the tests start are to find the copy as well, and none the extension, which an editable install
    # would find beside the original.
    environment = {**os.environ, "PYTHONPATH": str(project), "ZMQBRIDGE_NO_SPEEDUPS": "all"}
    try:
        done = subprocess.run(
            command, cwd=project, env=environment, capture_output=True, text=True, timeout=SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        raise ValueError(f"no test failed or hung in {SECONDS} s; choose fewer tests") from None
    return done.returncode, done.stdout + done.stderr


def main() -> None:
    chosen = [mutation for mutation in MUTATIONS if all(word in mutation.rule for word in sys.argv[1:])]
    unnoticed = 0
    for mutation in chosen:
        try:
            noticed = try_one(mutation)
            verdict, told = ("noticed", noticed) if noticed else ("survived", "by nobody")
        except ValueError as error:
            noticed, verdict, told = None, "no verdict", str(error)
        unnoticed += not noticed
        print(f"{verdict:11}{mutation.rule}\n{'':11}{told}", flush=True)
    print(f"{len(chosen) - unnoticed} of {len(chosen)} noticed")
    sys.exit(1 if unnoticed else 0)


if __name__ == "__main__":
    main()
