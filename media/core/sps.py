"""What an H.264 sequence parameter set says of the picture (ITU-T H.264, section 7.3.2.1.1)."""

from __future__ import annotations

_HIGH_PROFILES = frozenset({100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135})


def picture_size(sps: bytes) -> tuple[int, int]:
    """Width and height in pixels, cropping applied. Raises ValueError for a broken one."""
    bits = _Bits(_unescaped(sps[1:]))
    profile = bits.take(8)
    bits.take(16)
    bits.number()
    chroma = 1
    if profile in _HIGH_PROFILES:
        chroma = bits.number()
        if chroma == 3:
            bits.take(1)
        bits.number()
        bits.number()
        bits.take(1)
        if bits.take(1):
            for index in range(8 if chroma != 3 else 12):
                if bits.take(1):
                    _skip_scaling_list(bits, 16 if index < 6 else 64)
    bits.number()
    order = bits.number()
    if order == 0:
        bits.number()
    elif order == 1:
        bits.take(1)
        bits.signed()
        bits.signed()
        for _ in range(bits.number(most=255)):
            bits.signed()
    bits.number()
    bits.take(1)
    width = (bits.number(most=1023) + 1) * 16
    map_units = bits.number(most=1023) + 1
    frames_only = bits.take(1)
    if not frames_only:
        bits.take(1)
    height = (2 - frames_only) * map_units * 16
    bits.take(1)
    if bits.take(1):
        left, right, top, bottom = (bits.number() for _ in range(4))
        x_unit = 2 if chroma in (1, 2) else 1
        y_unit = (2 if chroma == 1 else 1) * (2 - frames_only)
        width -= x_unit * (left + right)
        height -= y_unit * (top + bottom)
    if width <= 0 or height <= 0:
        raise ValueError("a picture without pixels")
    return width, height


def _skip_scaling_list(bits: _Bits, size: int) -> None:
    last = following = 8
    for _ in range(size):
        if following:
            following = (last + bits.signed() + 256) % 256
        last = following or last


def _unescaped(data: bytes) -> bytes:
    # Section 7.4.1: emulation prevention bytes are no part of what is said.
    return data.replace(b"\x00\x00\x03", b"\x00\x00")


class _Bits:
    def __init__(self, data: bytes) -> None:
        self._value = int.from_bytes(data, "big")
        self._left = len(data) * 8

    def take(self, count: int) -> int:
        if count > self._left:
            raise ValueError("cut short")
        self._left -= count
        return self._value >> self._left & (1 << count) - 1

    def number(self, *, most: int = 1 << 31) -> int:
        """Exp-Golomb (section 9.1)."""
        zeros = 0
        while not self.take(1):
            zeros += 1
            if zeros > 31:
                raise ValueError("not a number")
        value = (1 << zeros) - 1 + (self.take(zeros) if zeros else 0)
        if value > most:
            raise ValueError("out of range")
        return value

    def signed(self) -> int:
        value = self.number()
        return (value + 1) // 2 if value & 1 else -(value // 2)
