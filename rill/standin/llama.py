"""The child process that holds the real small model: llama.cpp's own server, from the package `xllamacpp`.

Started by `local.py` as `python -m rill.standin.llama GGUF SLOTS CONTEXT`; prints its address as one line and lives until its standard
input closes, so it cannot outlive its parent. A process of its own because native threads and gevent do not mix, and because its
memory goes back to the system when it ends. It knows nothing of ZenMux.
"""
from __future__ import annotations

import os
import sys

HTTP_THREADS = 64  # each chat, speaking or waiting, holds one
NICENESS = 5  # words that are being shown to people go before words that are being made
BATCH_TOKENS = 64  # of prompts read at a time: between batches a stop is heard and the other chats get their turn


def main(gguf: str, slots: int, context: int) -> None:
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # its threads spin otherwise: ten times slower on a machine that is busy
    import xllamacpp  # optional, and 100 MB: only this process ever pays for it

    os.nice(NICENESS)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    params = xllamacpp.CommonParams()
    params.model.path = gguf
    params.n_parallel = slots
    params.n_ctx = slots * context
    params.n_batch = params.n_ubatch = BATCH_TOKENS
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = cores
    params.n_threads_http = HTTP_THREADS
    params.cache_ram_mib = 0  # the default keeps up to 8 GiB of old prompts
    params.ui = False
    params.ctx_shift = False  # an answer ends at the context's end; it never forgets its own beginning
    server = xllamacpp.Server(params)
    print(server.listening_address, flush=True)
    while os.read(0, 4096):
        pass
    os._exit(0)  # threads of the native server would hold a normal exit


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
