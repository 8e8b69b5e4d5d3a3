"""The one UDP socket, read and written many datagrams at a time.

Where the system has `recvmmsg` and `sendmmsg` they are called through cffi on arrays laid out once,
so that a packet to fifty receivers is one system call. Elsewhere the same classes fall back to one
call a datagram.
"""

from __future__ import annotations

import errno
import socket
import struct
import sys
from collections.abc import Callable, Sequence
from typing import Any, Final

import cffi  # type: ignore[import-untyped]

from media.engine.port import Address
from media.engine.srtp import ffi as srtp_ffi

SLOT = 2048
"Octets of one buffer. A longer datagram is cut, and then fails authentication."
INBOX = 64
"Datagrams taken in one call."
SOCKET_BUFFER = 8 << 20
"Octets asked of the kernel in each direction; what it grants may be less."

_SO_SNDBUFFORCE, _SO_RCVBUFFORCE = 32, 33
_FULL: Final = frozenset((errno.EAGAIN, errno.ENOBUFS, errno.ENOMEM))

_system: Final[Any] = cffi.FFI()
_system.cdef(
    """
    struct iovec { void *iov_base; size_t iov_len; };
    struct msghdr {
        void *msg_name; unsigned int msg_namelen;
        struct iovec *msg_iov; size_t msg_iovlen;
        void *msg_control; size_t msg_controllen;
        int msg_flags;
    };
    struct mmsghdr { struct msghdr msg_hdr; unsigned int msg_len; };
    int recvmmsg(int, struct mmsghdr *, unsigned int, int, void *);
    int sendmmsg(int, struct mmsghdr *, unsigned int, int);
    """
)


def _batch_calls() -> Any:
    """The C library when it has both calls and our structures fit it, else None.

    Lengths are written through pointers to the low half of a `size_t`.
    """
    if not sys.platform.startswith("linux") or sys.byteorder != "little":
        return None
    library = _system.dlopen(None)
    both = hasattr(library, "recvmmsg") and hasattr(library, "sendmmsg")
    return library if both else None


BATCH_CALLS: Final[Any] = _batch_calls()


def pack_address(family: int, address: Address) -> bytes:
    """An address as the kernel writes it. Raises OSError or ValueError unless it is numeric and of
    the socket's family: nothing here ever asks a resolver."""
    host, port = address
    if not 0 <= port <= 65_535:
        raise ValueError(f"no such port: {port}")
    packed = socket.inet_pton(family, host)
    if family == socket.AF_INET6:
        return struct.pack("=H", family) + struct.pack("!HI16sI", port, 0, packed, 0)
    return struct.pack("=H", family) + struct.pack("!H4s8x", port, packed)


def unpack_address(name: bytes) -> Address:
    (family,) = struct.unpack_from("=H", name)
    (port,) = struct.unpack_from("!H", name, 2)
    packed = name[8:24] if family == socket.AF_INET6 else name[4:8]
    return socket.inet_ntop(family, packed), port


class Endpoint:
    """Where one leg's packets go. Batches laid out earlier follow when it moves."""

    __slots__ = ("address", "name", "storage")

    def __init__(self, family: int, address: Address) -> None:
        self.name = pack_address(family, address)
        self.address = address
        self.storage: Any = _system.new("char[]", self.name)

    def move(self, family: int, address: Address) -> None:
        self.name = pack_address(family, address)
        self.address = address
        _system.memmove(self.storage, self.name, len(self.name))


class Buffer:
    """Memory that libsrtp and the kernel work in, and a Python view of it."""

    __slots__ = ("pointer", "view")

    def __init__(self, size: int = SLOT) -> None:
        self.pointer: Any = srtp_ffi.new("char[]", size)
        self.view = memoryview(srtp_ffi.buffer(self.pointer))


class Inbox:
    """Where datagrams are received: slot `i` holds the i-th of the last :meth:`receive`."""

    def __init__(self, sock: socket.socket, *, batched: bool) -> None:
        self._sock = sock
        buffers = [Buffer() for _ in range(INBOX)]
        self.pointers = [buffer.pointer for buffer in buffers]
        self.views = [buffer.view for buffer in buffers]
        self.lengths: list[Any]
        "Pointers to each slot's length, in octets."
        self.name_of: Callable[[int], bytes]
        "The sender of a slot's datagram, as :func:`pack_address` writes it."
        self.receive: Callable[[], int]
        "Fill slots from the first on and give how many; 0 when nothing waits."
        if batched and BATCH_CALLS is not None:
            self._use_batch_call(buffers)
        else:
            self._use_single_calls()

    def _use_batch_call(self, buffers: Sequence[Buffer]) -> None:
        size = 28 if self._sock.family == socket.AF_INET6 else 16
        names = _system.new("char[]", size * INBOX)
        vectors = _system.new("struct iovec[]", INBOX)
        messages = _system.new("struct mmsghdr[]", INBOX)
        self._memory = (names, vectors, messages, buffers)
        for index, buffer in enumerate(buffers):
            vectors[index].iov_base = buffer.pointer
            vectors[index].iov_len = SLOT
            header = messages[index].msg_hdr
            header.msg_name, header.msg_namelen = names + size * index, size
            header.msg_iov, header.msg_iovlen = vectors + index, 1
        self.lengths = [
            _system.cast("int *", _system.addressof(messages[index], "msg_len"))
            for index in range(INBOX)
        ]
        raw = _system.buffer(names)
        places = [slice(size * index, size * (index + 1)) for index in range(INBOX)]
        self.name_of = lambda index: bytes(raw[places[index]])
        receive, descriptor, flags = BATCH_CALLS.recvmmsg, self._sock.fileno(), socket.MSG_DONTWAIT
        self.receive = lambda: max(0, receive(descriptor, messages, INBOX, flags, _system.NULL))

    def _use_single_calls(self) -> None:
        self.lengths = [srtp_ffi.new("int *") for _ in range(INBOX)]
        senders: list[bytes] = [b""] * INBOX
        self.name_of = senders.__getitem__

        def receive() -> int:
            for index in range(INBOX):
                try:
                    length, sender = self._sock.recvfrom_into(self.views[index])
                except OSError:
                    return index
                self.lengths[index][0] = length
                senders[index] = pack_address(self._sock.family, sender[:2])
            return INBOX

        self.receive = receive


class Outbox:
    """A fixed set of buffers, each on its way to a fixed endpoint, sent together.

    Write each length through :attr:`lengths`, then :meth:`send`.
    """

    __slots__ = ("_descriptor", "_memory", "_messages", "_routes", "_sock", "lengths")

    def __init__(
        self,
        sock: socket.socket,
        routes: Sequence[tuple[Buffer, Endpoint]],
        *,
        batched: bool,
    ) -> None:
        self._sock = sock
        self._routes = routes
        self._messages: Any = None
        self._descriptor = sock.fileno()
        count = len(routes)
        if not batched or BATCH_CALLS is None:
            self.lengths: list[Any] = [srtp_ffi.new("int *") for _ in range(count)]
            return
        vectors = _system.new("struct iovec[]", count)
        messages = _system.new("struct mmsghdr[]", count)
        self._messages, self._memory = messages, vectors
        for index, (buffer, endpoint) in enumerate(routes):
            vectors[index].iov_base = buffer.pointer
            header = messages[index].msg_hdr
            header.msg_name, header.msg_namelen = endpoint.storage, len(endpoint.name)
            header.msg_iov, header.msg_iovlen = vectors + index, 1
        self.lengths = [
            _system.cast("int *", _system.addressof(vectors[index], "iov_len"))
            for index in range(count)
        ]

    def send(self) -> list[int]:
        """Send all, never waiting, and give the indexes of those the kernel would not take."""
        count = len(self._routes)
        messages = self._messages
        if messages is None:
            return [index for index in range(count) if not self.send_one(index)]
        call, descriptor, flags = BATCH_CALLS.sendmmsg, self._descriptor, socket.MSG_DONTWAIT
        done = call(descriptor, messages, count, flags)
        if done == count:
            return []
        refused: list[int] = []
        done = max(0, done)
        while done < count:
            # The call stops at a message that fails, and says why when it is tried again.
            taken = call(descriptor, messages + done, count - done, flags)
            if taken > 0:
                done += taken
            elif _system.errno in _FULL:
                refused.extend(range(done, count))
                break
            else:
                refused.append(done)
                done += 1
        return refused

    def send_one(self, index: int) -> bool:
        buffer, endpoint = self._routes[index]
        return send_to(self._sock, buffer.view[: self.lengths[index][0]], endpoint.address)


def send_to(sock: socket.socket, data: bytes | memoryview, address: Address) -> bool:
    """Send one datagram to a numeric address; False when the kernel would not take it."""
    try:
        sock.sendto(data, address)
    except OSError:
        return False
    return True


def open_socket(host: str, port: int) -> socket.socket:
    """A bound, non-blocking socket with all the buffer the kernel will grant."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_DGRAM)
    try:
        sock.setblocking(False)
        for forced, ordinary in (
            (_SO_RCVBUFFORCE, socket.SO_RCVBUF),
            (_SO_SNDBUFFORCE, socket.SO_SNDBUF),
        ):
            try:
                sock.setsockopt(socket.SOL_SOCKET, forced, SOCKET_BUFFER)
            except OSError:
                sock.setsockopt(socket.SOL_SOCKET, ordinary, SOCKET_BUFFER)
        sock.bind((host, port))
    except OSError:
        sock.close()
        raise
    return sock
