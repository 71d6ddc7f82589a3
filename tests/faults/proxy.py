"""A TCP proxy that stands for the network between a daemon and a server, and can be as bad as one."""

import asyncio
import random
import socket
import struct
import threading

CHUNK = 64 * 1024
CHUNKS_WAITING = 64
# Below the range the kernel gives to outgoing connections: nobody takes the port while it is refused.
PORTS = range(20000, 30000)


class Proxy:
    """Listens on `port` of 127.0.0.1 and passes everything to `target_port`. Its methods are for any thread."""

    def __init__(self, name, target_port):
        self.name = name
        self.target_port = target_port
        self.port = 0
        self.accepted = 0  # connections so far
        self._delay_s = 0.0
        self._pairs = set()
        self._server = None
        self._loop = asyncio.new_event_loop()
        self._loop.set_exception_handler(lambda _loop, _context: None)  # resets are what this is for
        self._flowing = None
        self._thread = threading.Thread(target=self._loop.run_forever, name=f"proxy to {name}", daemon=True)

    def start(self):
        self._thread.start()
        self._call(self._open_any_port())

    def stop(self):
        if not self._thread.is_alive():
            return
        self._call(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def cut(self):
        """Resets all connections; new ones pass."""
        self._call(self._cut())

    def delay(self, seconds):
        """What arrives from now on takes this long, in each direction. 0: no delay."""
        self._call(self._set_delay(seconds))

    def black_hole(self):
        """Accepts, passes nothing, and tells nobody; what was underway waits for `heal`, as retransmission does it."""
        self._call(self._set_flowing(False))

    def refuse(self):
        """Resets all connections and listens no more, until `heal`."""
        self._call(self._close())

    def heal(self):
        """Everything passes again, at once."""
        self._call(self._heal())

    # ---- on the loop's thread --------------------------------------------------------------------------------------

    def _call(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(timeout=30)

    async def _open_any_port(self):
        self._flowing = asyncio.Event()
        self._flowing.set()
        for port in random.SystemRandom().sample(PORTS, 100):
            try:
                self.port = port
                return await self._listen()
            except OSError:
                continue
        raise OSError("there is no free port for the proxy to " + self.name)

    async def _listen(self):
        self._server = await asyncio.start_server(self._accepted, "127.0.0.1", self.port)

    async def _close(self):
        if self._server:
            self._server.close()
            self._server = None
        await self._cut()

    async def _end(self):
        await self._close()
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _cut(self):
        for pair in list(self._pairs):
            pair.reset()

    async def _set_delay(self, seconds):
        self._delay_s = seconds

    async def _set_flowing(self, flowing):
        if flowing:
            self._flowing.set()
        else:
            self._flowing.clear()

    async def _heal(self):
        self._delay_s = 0.0
        self._flowing.set()
        if not self._server:
            await self._listen()

    async def _accepted(self, reader, writer):
        self.accepted += 1
        pair = Pair(writer)
        self._pairs.add(pair)
        try:
            await self._flowing.wait()
            there_reader, there_writer = await asyncio.open_connection("127.0.0.1", self.target_port)
            pair.writers.append(there_writer)
            if not pair.is_reset:
                await asyncio.gather(self._pump(reader, there_writer), self._pump(there_reader, writer))
        except OSError:
            pass
        finally:
            pair.reset()
            self._pairs.discard(pair)

    async def _pump(self, reader, writer):
        """Reads on while what was read waits for its time, so that a delay does not become a limit of speed."""
        waiting = asyncio.Queue(CHUNKS_WAITING)
        sender = asyncio.ensure_future(self._send(waiting, writer))
        try:
            while True:
                try:
                    chunk = await reader.read(CHUNK)
                except OSError:
                    chunk = b""
                await waiting.put((self._loop.time() + self._delay_s, chunk))
                if not chunk:
                    await sender
                    return
        finally:
            sender.cancel()

    async def _send(self, waiting, writer):
        while True:
            due, chunk = await waiting.get()
            if self._delay_s and due > self._loop.time():
                await asyncio.sleep(due - self._loop.time())
            await self._flowing.wait()
            if not chunk:
                # Neither protocol goes on with a connection that is half closed.
                writer.close()
                return
            try:
                writer.write(chunk)
                await writer.drain()
            except OSError:
                return


class Pair:
    """A client's connection and ours to the server."""

    def __init__(self, writer):
        self.writers = [writer]
        self.is_reset = False

    def reset(self):
        self.is_reset = True
        for writer in self.writers:
            connection = writer.get_extra_info("socket")
            try:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            except OSError:
                pass
            writer.transport.abort()
