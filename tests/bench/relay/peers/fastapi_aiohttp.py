"""The usual relay: FastAPI and aiohttp, line by line, one shared client. It keeps nothing and promises nothing.

Started by targets.py as `uvicorn fastapi_aiohttp:app`, with uvloop and httptools; UPSTREAM is the upstream's address.
"""
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
from fastapi import FastAPI, Request
from fastapi.responses import StreamingResponse

COMPLETIONS = os.environ["UPSTREAM"] + "/chat/completions"


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    connector, timeout = aiohttp.TCPConnector(limit=0), aiohttp.ClientTimeout(total=300)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout) as app.state.http:
        yield


app = FastAPI(lifespan=lifespan)


@app.get("/healthz")
async def healthz() -> str:
    return "ok"


@app.post("/api/v1/chat/completions")
async def chat(request: Request) -> StreamingResponse:
    asked = await request.json()

    async def pieces() -> AsyncIterator[str]:
        async with app.state.http.post(COMPLETIONS, json=asked) as response:
            async for line in response.content:
                if not line.startswith(b"data: "):
                    continue
                data = line[6:].strip()
                if data == b"[DONE]":
                    yield "data: [DONE]\n\n"
                    return
                choices = json.loads(data)["choices"]
                if choices and (text := choices[0]["delta"].get("content")):
                    yield "data: " + json.dumps({"content": text}) + "\n\n"

    return StreamingResponse(pieces(), media_type="text/event-stream")
