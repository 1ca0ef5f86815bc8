import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from fastapi import FastAPI, HTTPException, Request

import zmqbridge

ADDRESS = os.environ.get("THERMOMETER", "tcp://127.0.0.1:5556")


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncGenerator[None, None]:
    async with zmqbridge.Context() as context:
        app.state.thermometer = context.requester(connect=ADDRESS)
        yield


app = FastAPI(lifespan=lifespan)


@app.get("/rooms/{room}")
async def degrees(room: str, request: Request) -> dict[str, float]:
    thermometer: zmqbridge.Requester = request.app.state.thermometer
    try:
        reply = await thermometer.request(room.encode(), timeout=2.0)
    except zmqbridge.RequestTimeout:
        raise HTTPException(504, "the thermometer does not answer") from None
    if reply == [b"unknown"]:
        raise HTTPException(404, "there is no such room")
    return {"degrees": float(reply[0])}
