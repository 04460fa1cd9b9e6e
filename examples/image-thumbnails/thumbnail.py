#!/usr/bin/env python3
"""Reads a PPM image (P6) and writes a PNG of at most SIZE pixels a side: thumbnail.py SIZE <in >out."""
import re
import struct
import sys
import zlib


def read_ppm(data):
    header = re.match(rb"P6\s+(\d+)\s+(\d+)\s+255\s", data)
    if not header:
        sys.exit("this is no PPM image")
    width, height = int(header[1]), int(header[2])
    pixels = data[header.end():]
    if len(pixels) < 3 * width * height:
        sys.exit("the image is cut off")
    return width, height, pixels


def shrink(width, height, pixels, size):
    """Takes the pixel in the middle of each square; PNG wants a zero before each row."""
    step = max(1, -(-max(width, height) // size))
    rows = []
    for y in range(step // 2, height, step):
        line = pixels[3 * width * y:3 * width * (y + 1)]
        rows.append(b"\0" + b"".join(line[3 * x:3 * x + 3] for x in range(step // 2, width, step)))
    return len(rows[0]) // 3, len(rows), b"".join(rows)


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


columns, lines, raw = shrink(*read_ppm(sys.stdin.buffer.read()), int(sys.argv[1]))
sys.stdout.buffer.write(
    b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", columns, lines, 8, 2, 0, 0, 0))
    + chunk(b"IDAT", zlib.compress(raw)) + chunk(b"IEND", b""))
