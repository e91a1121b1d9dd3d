"""Notes over HTTP: GET and POST /api/notes, GET /api/primes?below=N, which costs time, GET /healthz."""

import json
import os
import signal
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlparse

import psycopg2

BODY_BYTES_MAX = 64 * 1024
PRIMES_MAX = 200_000


def connect():
    password = Path(os.environ["PASSWORD_FILE"]).read_text().strip()
    return psycopg2.connect(
        host=os.environ["DATABASE_HOST"],
        dbname="notes",
        user="notes",
        password=password,
        connect_timeout=3,
    )


def query(sql, *values):
    connection = connect()
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute(sql, values)
            return cursor.fetchall()
    finally:
        connection.close()


def primes_below(limit):
    return sum(1 for n in range(2, limit) if all(n % d for d in range(2, int(n**0.5) + 1)))


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        url = urlparse(self.path)
        try:
            if url.path == "/healthz":
                query("select 1")
                self.answer(200, {"status": "ok"})
            elif url.path == "/api/notes":
                rows = query("select id, text from notes order by id")
                self.answer(200, [{"id": id, "text": text} for id, text in rows])
            elif url.path == "/api/primes":
                below = int(parse_qs(url.query).get("below", ["10000"])[0])
                self.answer(200, {"count": primes_below(min(below, PRIMES_MAX))})
            else:
                self.answer(404, {"error": "no such page"})
        except psycopg2.Error as error:
            self.answer(503, {"error": f"the database does not answer: {error}".strip()})
        except ValueError as error:
            self.answer(400, {"error": str(error)})

    def do_POST(self):
        size = int(self.headers.get("content-length", "0"))
        if size > BODY_BYTES_MAX:
            self.close_connection = True
            self.answer(413, {"error": f"more than {BODY_BYTES_MAX} bytes"})
            return
        try:
            text = str(json.loads(self.rfile.read(size))["text"])
            [(id,)] = query("insert into notes (text) values (%s) returning id", text)
            self.answer(201, {"id": id, "text": text})
        except (ValueError, KeyError, TypeError):
            self.answer(400, {"error": 'expected {"text": "…"}'})
        except psycopg2.Error as error:
            self.answer(503, {"error": f"the database does not answer: {error}".strip()})

    def answer(self, status, value):
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format, *values):
        if self.path != "/healthz":
            print(json.dumps({"client": self.client_address[0], "message": format % values}))


server = ThreadingHTTPServer(("0.0.0.0", 8000), Handler)
signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
print(json.dumps({"message": "serving", "port": 8000}))
server.serve_forever()
sys.exit(0)
