"""A hub on this computer: answers as huggingface.co does, over real HTTP, and misbehaves when told to."""

import hashlib
import json
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import urlsplit

COMMIT = "0123456789abcdef0123456789abcdef01234567"
LARGE = 1000  # bytes from which a file lies in the warehouse, under its SHA-256, as Git LFS has it


def blob(data):
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


def sha(data):
    return hashlib.sha256(data).hexdigest()


class StandIn(ThreadingHTTPServer):
    """`files` by (repo, name); `asked` is what came in.  `trouble` by name: a status, "gated", ("cut", share, times),
    or ("hold", share, event), which has the rest wait for the event.  `after` by name is called once it was sent."""

    daemon_threads = True

    def __init__(self, files):
        super().__init__(("127.0.0.1", 0), Answer)
        self.files, self.trouble, self.asked, self.served = files, {}, [], {}
        self.hashes = {}  # by name, where the hub is to name a wrong one
        self.commit, self.past, self.after = COMMIT, {}, {}
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.warehouse = f"http://localhost:{self.server_port}/warehouse"  # another host, as far as tokens go

    def push(self, files):
        """Another commit, in which these files are others."""
        self.past[self.commit] = self.files
        self.commit, self.files = sha(self.commit.encode())[:40], self.files | files

    def at(self, commit):
        return self.past.get(commit, self.files)


class Answer(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_HEAD(self):
        self.answer(body=False)

    def do_GET(self):
        self.answer(body=True)

    def answer(self, body):
        path = urlsplit(self.path).path
        token, reach = self.headers.get("authorization"), self.headers.get("range")
        self.server.asked.append((self.command, path, reach, token))
        parts = path.strip("/").split("/")
        if parts[0] == "api":
            return self.listing("/".join(parts[2:4]))
        if parts[0] == "warehouse":
            commit = urlsplit(self.path).query
            return self.bytes_of("/".join(parts[1:3]), "/".join(parts[3:]), body, commit)
        repo, name = "/".join(parts[:2]), "/".join(parts[4:])
        trouble = self.server.trouble.get(name)
        if trouble == "gated":
            return self.reply(403, {"X-Error-Code": "GatedRepo"})
        if isinstance(trouble, int):
            return self.reply(trouble, {"X-Error-Code": "RepoNotFound"} if trouble == 401 and not token else {})
        if not any(known == repo for known, _ in self.server.files):
            return self.reply(404, {"X-Error-Code": "RepoNotFound"})
        commit = self.server.commit if parts[3] == "main" else parts[3]
        if commit not in (self.server.commit, *self.server.past):
            return self.reply(404, {"X-Error-Code": "RevisionNotFound"})
        files = self.server.at(commit)
        if (repo, name) not in files:
            return self.reply(404, {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": commit})
        data = files[repo, name]
        if len(data) < LARGE:
            return self.bytes_of(repo, name, body, commit)
        there = {"X-Linked-Etag": f'"{self.server.hashes.get(name, sha(data))}"', "X-Linked-Size": str(len(data))}
        place = f"{self.server.warehouse}/{repo}/{name}?{commit}"
        return self.reply(302, {"X-Repo-Commit": commit, "Location": place, **there})

    def bytes_of(self, repo, name, body, commit):
        data, reach = self.server.at(commit)[repo, name], self.headers.get("range")
        begin = int(reach.removeprefix("bytes=").split("-")[0]) if reach else 0
        rest = data[begin:]
        head = {"Content-Length": str(len(rest)), "ETag": f'"{blob(data)}"', "X-Repo-Commit": commit}
        if reach:
            head["Content-Range"] = f"bytes {begin}-{len(data) - 1}/{len(data)}"
        self.reply(206 if reach else 200, head, done=False)
        if not body:
            return
        kind, share, times = self.server.trouble.get(name, ("whole", 1, 0))
        if kind == "cut" and times:
            self.server.trouble[name] = (kind, share, times - 1)
            rest, self.close_connection = rest[: int(len(rest) * share)], True
        if kind == "hold":
            head, rest = rest[: int(len(rest) * share)], rest[int(len(rest) * share) :]
            self.server.served[name] = self.server.served.get(name, 0) + len(head)
            self.wfile.write(head)
            self.wfile.flush()
            times.wait(20)
        self.server.served[name] = self.server.served.get(name, 0) + len(rest)
        self.wfile.write(rest)
        self.server.after.pop(name, lambda: None)()

    def listing(self, repo):
        if self.server.trouble.get("api"):
            return self.reply(self.server.trouble["api"], {})
        files = {name: data for (known, name), data in self.server.files.items() if known == repo}
        if not files:
            return self.reply(404, {"X-Error-Code": "RepoNotFound"})
        siblings = [{"rfilename": name, "size": len(data), "blobId": blob(data)} for name, data in files.items()]
        for one in siblings:
            if one["size"] >= LARGE:
                lfs = sha(files[one["rfilename"]])
                one["lfs"] = {"size": one["size"], "sha256": lfs, "pointerSize": 134}
        told = {
            "id": repo,
            "sha": self.server.commit,
            "private": False,
            "tags": [],
            "downloads": 0,
            "siblings": siblings,
        }
        text = json.dumps(told).encode()
        self.reply(200, {"Content-Type": "application/json", "Content-Length": str(len(text))}, done=False)
        self.wfile.write(text)

    def reply(self, status, headers, done=True):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if done:
            self.send_header("Content-Length", "0")
        self.end_headers()


@contextmanager
def standin(files):
    """A hub with `files`: {(repo, name): bytes}."""
    server = StandIn(dict(files))
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
