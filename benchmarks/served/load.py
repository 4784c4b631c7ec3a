"""Servers in processes of their own, the CPU that they take, and a client that keeps them busy."""

from __future__ import annotations

import asyncio
import math
import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import uvicorn
from starlette.types import ASGIApp

#: Turns the path of a question into that of a server; None for a question that it offers no way to ask.
type Address = Callable[[str], str | None]
#: Seconds of CPU that a server with nothing to do takes in one second, and more.
_IDLE = 0.01


class Served:
    """One server; what CPU it takes is that of its processes and of their children."""

    def __init__(self, place: str, address: Address, *processes: int) -> None:
        self.client = httpx.Client(base_url=place, headers={"Accept-Encoding": "identity"}, timeout=60)
        self.address = address
        self._place = urlsplit(place)
        self._processes = processes

    def cost(self, paths: Sequence[str], count: int, connections: int) -> float:
        """Return milliseconds of CPU a request, over `count` requests that go round `paths`, its own."""
        before = self.seconds()
        asyncio.run(self._ask([paths[at % len(paths)] for at in range(count)], connections))
        return 1000 * (self.seconds() - before) / count

    def rest(self) -> None:
        """Wait until the server has nothing left to do."""
        before = -math.inf
        while (now := self.seconds()) - before > _IDLE:
            before = now
            time.sleep(1)

    def seconds(self) -> float:
        """Return the CPU seconds taken so far, user's and system's."""
        return sum(map(_taken, self._processes))

    def resident(self) -> int:
        """Return the bytes of memory that are the server's own, without mapped files."""
        return self._status("RssAnon")

    def most_resident(self) -> int:
        """Return the most bytes that the server has had in memory, mapped files included."""
        return self._status("VmHWM")

    def _status(self, name: str) -> int:
        status = Path(f"/proc/{self._processes[0]}/status").read_text("ascii")
        return 1024 * int(next(line for line in status.splitlines() if line.startswith(name)).split()[1])

    async def _ask(self, paths: list[str], connections: int) -> None:
        left = iter(paths)

        async def one() -> None:
            reader, writer = await asyncio.open_connection(self._place.hostname, self._place.port, limit=2**20)
            for path in left:
                writer.write(f"GET {path} HTTP/1.1\r\nHost: {self._place.netloc}\r\nAccept: */*\r\n\r\n".encode())
                head = (await reader.readuntil(b"\r\n\r\n")).lower()
                if not head.startswith(b"http/1.1 200"):
                    raise RuntimeError(f"{path}: {head.decode()}")
                await reader.readexactly(int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0]))
            writer.close()

        await asyncio.gather(*(one() for _ in range(connections)))


def _taken(process: int) -> float:
    """Return the CPU seconds of a process, of its children, and of those that have ended."""
    fields = Path(f"/proc/{process}/stat").read_text("ascii").rpartition(")")[2].split()
    # The clock of a process (clock_getcpuclockid of POSIX, as Linux numbers it): its file tells ticks of 10 ms alone.
    total = time.clock_gettime(~process << 3 | 2) + sum(map(int, fields[13:15])) / os.sysconf("SC_CLK_TCK")
    children = Path(f"/proc/{process}/task/{process}/children").read_text("ascii").split()
    return total + sum(_taken_by_child(int(child)) for child in children)


def _taken_by_child(process: int) -> float:
    try:
        return _taken(process)
    except OSError:
        return 0.0  # it has just ended, and is its parent's from now on


@contextmanager
def served(
    *command: str | Path,
    address: Address = str,
    port: int | None = None,
    also: tuple[int, ...] = (),
    environment: Mapping[str, str] | None = None,
) -> Iterator[Served]:
    """Run a server.

    Parameters
    ----------
    command
        A program that listens on `port`; without it, one that calls :func:`listen`, which tells where.
    also
        Other processes that are weighed with it.
    """
    told = subprocess.PIPE if port is None else subprocess.DEVNULL
    process = subprocess.Popen(command, stdout=told, text=True, env={**os.environ, **(environment or {})})
    try:
        if process.stdout is None:
            assert port is not None
            _wait(port, process)
            place = f"http://127.0.0.1:{port}"
        else:
            place = process.stdout.readline().strip()
        yield Served(place, address, process.pid, *also)
    finally:
        process.terminate()
        process.wait(timeout=30)


def free_port() -> int:
    """Return a port on which nothing listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def _wait(port: int, process: subprocess.Popen[str]) -> None:
    while process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise RuntimeError(f"{process.args} ended with {process.returncode} before it listened.")


def listen(app: ASGIApp) -> None:
    """Serve an application on a free port, telling its address, until the process is ended."""
    config = uvicorn.Config(app, port=0, loop="uvloop", http="httptools", access_log=False, log_level="error")
    listening = config.bind_socket()
    listening.listen()
    print("http://{}:{}".format(*listening.getsockname()), flush=True)
    uvicorn.Server(config).run(sockets=[listening])
