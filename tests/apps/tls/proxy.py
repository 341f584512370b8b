#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A proxy that knows CONNECT only: proxy.py [tls]. Prints its port. tls: speaks TLS itself, with server.pem and server.key of
TLS_CERTS.
"""
import os
import socket
import socketserver
import ssl
import sys
import threading


def pump(src, dst):
    try:
        while data := src.recv(65536):
            dst.sendall(data)
        dst.shutdown(socket.SHUT_WR)
    except OSError:
        pass


class Handler(socketserver.StreamRequestHandler):
    rbufsize = 0  # what follows the head is not ours

    def handle(self):
        target = self.rfile.readline().split()[1].decode()
        while self.rfile.readline().strip():
            pass
        host, _, port = target.rpartition(":")
        with socket.create_connection((host, int(port))) as there:
            self.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            back = threading.Thread(target=pump, args=(there, self.connection))
            back.start()
            pump(self.connection, there)
            back.join()


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    request_queue_size = 256

    def get_request(self):
        sock, peer = super().get_request()
        return (CONTEXT.wrap_socket(sock, server_side=True) if CONTEXT else sock), peer


CONTEXT = None
if "tls" in sys.argv[1:]:
    CONTEXT = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    CONTEXT.load_cert_chain(os.environ["TLS_CERTS"] + "/server.pem", os.environ["TLS_CERTS"] + "/server.key")
server = Server(("127.0.0.1", 0), Handler)
print(server.server_address[1], flush=True)
server.serve_forever()
