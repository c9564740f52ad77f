#!/usr/bin/env python3
"""Prints a port that is free on loopback, below the range that clients' own ports come from."""
import random
import socket

while True:
    port = random.randint(20000, 31999)
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            s.bind(("127.0.0.1", port))
        except OSError:
            continue
    print(port)
    break
