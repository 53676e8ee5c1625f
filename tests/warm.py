"""Engines that start at once: forked off a process that has loaded torch, which takes 2 s of computing each time.

For tests of what is made of an engine's numbers; those of the engine's process itself start it as users do.
Run as a program, this file stands where the engine's command would: it lends its three streams to a forked
engine and lives as long as that does.
"""

import os
import select
import socket
import sys
import threading


def serve(listener: socket.socket) -> None:
    """Fork an engine for every program that connects, until standard input ends, as it does with the tests."""
    import torch._dynamo  # every optimizer of torch's loads it, which takes seconds  # noqa: F401

    from tuiinit.engine.process import main

    while listener in select.select([listener, sys.stdin], [], [])[0]:
        lender, _ = listener.accept()
        folder, streams, _, _ = socket.recv_fds(lender, 4096, 3)
        if streams and not os.fork():  # without, who connected has been killed
            listener.close()
            os.chdir(folder)
            for number, stream in enumerate(streams):
                os.dup2(stream, number)
                os.close(stream)
            threading.Thread(target=_end_with, args=(lender,), daemon=True).start()
            main()
        for stream in streams:
            os.close(stream)
        lender.close()
        _bury(os.WNOHANG)
    _bury(0)


def _end_with(lender: socket.socket) -> None:
    lender.recv(1)
    os._exit(0)


def _bury(options: int) -> None:
    try:
        while os.waitpid(-1, options)[0]:
            pass
    except ChildProcessError:
        pass


def lend(address: str) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.connect(address)
        socket.send_fds(server, [os.getcwdb()], [0, 1, 2])
        for number in (0, 1, 2):
            os.close(number)
        server.recv(1)  # until the engine is gone


if __name__ == "__main__":
    lend(sys.argv[1])
