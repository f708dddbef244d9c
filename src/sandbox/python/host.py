"""What a sandbox runs for a driver in Python: loads it, then answers one call after another.

Standard library only. It reads as Python 3.6, so that an older interpreter can say that it is too old.
The walls around the process stand without it: what it refuses itself, it refuses in order to explain.
"""
import sys

_LEAST = (3, 11)
_FOUND = sys.version_info[:3]

import asyncio
import base64
import collections
import gc
import importlib
import importlib.machinery
import inspect
import io
import json
import logging
import math
import os
import re
import struct
import threading
import time
import types
import weakref

_LARGEST_FRAME = 24 * 1024 * 1024
_MOST_VALUES = 1000000
_ASKS_AT_ONCE = 16
_MOST_EVENTS = 8000
_MOST_EVENT_BYTES = 12 * 1024 * 1024
_LONGEST_MESSAGE = 16 * 1024
_LONGEST_NAME = 200
_DEEPEST = 100
_MOST_REFUSALS = 50
_KINDS = ("http", "ssh", "snmp", "tcp")
_BROUGHT = ("vendor/", "lib/", "wheelhouse/")
_NAMES = ("verb", "target", "params", "dry_run", "target_type", "active_only", "options", "plan")


class DriverError(Exception):
    """A failure with a code of the runner's table (`auth_failed`, `target_not_found` ...) and words for a person."""

    def __init__(self, code, message, details=None):
        super().__init__(message)
        self.code = code
        self.message = message
        self.details = details or {}


# --- the line to the runner -------------------------------------------------------------------------------------


_encode = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode


def _framed(body):
    return struct.pack("<I", len(body)) + body


class TooLarge(Exception):
    """The runner does not take messages of this size."""


class TooWide(ValueError):
    """The runner does not take so many values at once."""

    def __init__(self):
        super().__init__("expected plain JSON, got more than %d values" % _MOST_VALUES)


_STRINGS = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"')
# The members of a message around an answer or arguments.
_WRAPPING = 6


def _is_wide(body):
    """Whether it has too many values: as many as commas, and one more for each list and object that is not empty."""
    if len(body) < 2 * _MOST_VALUES:
        return False
    bare = _STRINGS.sub(b"", body)
    counts = {sign: bare.count(sign) for sign in (b",", b"[", b"{", b"[]", b"{}")}
    return counts[b","] + counts[b"["] + counts[b"{"] - counts[b"[]"] - counts[b"{}"] >= _MOST_VALUES + _WRAPPING


# In the length of a frame: text for the message after it, not a message.
_TEXT_MARK = 0x80000000


class Line:
    """An inherited socket that carries frames: four bytes of length, then JSON or text."""

    def __init__(self, descriptor):
        self.descriptor = descriptor
        self._held = bytearray()
        self._text = None
        self._sending = threading.RLock()

    def send(self, message):
        """Waits while the runner is slow to read. TooLarge, TooWide, or what the encoder says of what is no plain JSON."""
        body = _encode(message).encode("ascii")
        if len(body) > _LARGEST_FRAME:
            raise TooLarge("a message of %d bytes" % len(body))
        if _is_wide(body):
            raise TooWide()
        frame = memoryview(_framed(body))
        with self._sending:
            while frame:
                frame = frame[os.write(self.descriptor, frame):]

    def take(self):
        """Reads once, waiting for bytes, and gives the messages that are whole."""
        chunk = os.read(self.descriptor, 256 * 1024)
        if not chunk:
            os._exit(0)
        self._held += chunk
        messages = []
        at = 0
        while len(self._held) - at >= 4:
            (word,) = struct.unpack_from("<I", self._held, at)
            length = word & ~_TEXT_MARK
            if len(self._held) - at - 4 < length:
                break
            body = self._held[at + 4:at + 4 + length].decode("utf-8")
            if word & _TEXT_MARK:
                self._text = body
            else:
                messages.append(self._whole(json.loads(body)))
            at += 4 + length
        del self._held[:at]
        return messages

    def _whole(self, message):
        """With the text that came ahead of it."""
        if "text" in message:
            message["value"][message["text"]] = self._text
            self._text = None
        return message


# --- plain JSON -------------------------------------------------------------------------------------------------


def _pointer(path):
    return "".join("/" + str(key).replace("~", "~0").replace("/", "~1") for key in path[:12]) + ("/..." if len(path) > 12 else "")


def _unplain(value, path):
    """The first place where a value is not plain JSON, as pointer and reason; None when it is."""
    if len(path) > _DEEPEST:
        return _pointer(path), "expected plain JSON, got more than %d levels (or a cycle)" % _DEEPEST
    if value is None or isinstance(value, (bool, int, str)):
        return None
    if isinstance(value, float):
        if value != value or value in (float("inf"), float("-inf")):
            return _pointer(path), "expected plain JSON, got %s" % value
        return None
    if isinstance(value, dict):
        for key, member in value.items():
            if not isinstance(key, (str, int, float)) and key is not None:
                return _pointer(path), "expected plain JSON, got the key %r" % (key,)
            found = _unplain(member, path + [key])
            if found:
                return found
        return None
    if isinstance(value, (list, tuple)):
        for index, member in enumerate(value):
            found = _unplain(member, path + [index])
            if found:
                return found
        return None
    return _pointer(path), "expected plain JSON, got a %s" % type(value).__name__


# What the encoder raises for them; it is far quicker than a look at each value.
_NOT_PLAIN = (TypeError, ValueError, RecursionError)


def _fault_of(value, thrown):
    if isinstance(thrown, TooWide):
        return "", str(thrown)
    return _unplain(value, []) or ("", "expected plain JSON")


def _cut(text, longest=_LONGEST_MESSAGE):
    return text if len(text) <= longest else text[:longest] + "..."


def _small(details):
    if not isinstance(details, dict) or _unplain(details, []):
        return {}
    return details if len(json.dumps(details)) <= _LONGEST_MESSAGE else {}


# --- where in the author's source something went wrong -----------------------------------------------------------


class Places:
    def __init__(self, pack):
        self._prefix = pack + "/"

    def relative(self, file):
        return file[len(self._prefix):] if isinstance(file, str) and file.startswith(self._prefix) else None

    def of(self, thrown):
        """The file and line of the pack where it was thrown, or None."""
        if isinstance(thrown, SyntaxError):
            file = self.relative(thrown.filename)
            if file:
                return {"file": file, "line": thrown.lineno} if thrown.lineno else {"file": file}
        found = None
        trace = thrown.__traceback__
        while trace is not None:
            file = self.relative(trace.tb_frame.f_code.co_filename)
            if file:
                found = {"file": file, "line": trace.tb_lineno}
            trace = trace.tb_next
        return found

    def here(self):
        """Where the pack's own code is right now, and the modules that it is in, the outermost first."""
        frame = sys._getframe(1)
        place, modules = None, []
        while frame is not None:
            file = self.relative(frame.f_code.co_filename)
            if file and place is None and not file.startswith(_BROUGHT):
                place = "%s:%d" % (file, frame.f_lineno)
            module = str(frame.f_globals.get("__name__", "")).split(".")[0]
            if module not in modules:
                modules.insert(0, module)
            frame = frame.f_back
        return place, modules[:20]


def _shown(place):
    return place["file"] if "line" not in place else "%s:%d" % (place["file"], place["line"])


# --- what the driver prints and logs -----------------------------------------------------------------------------


class _Printed(io.RawIOBase):
    """A standard stream whose lines become lines of the job's log."""

    def __init__(self, host, level):
        super().__init__()
        self._host = host
        self._level = level
        self._rest = b""
        self._writing = threading.RLock()

    def writable(self):
        return True

    def write(self, data):
        data = bytes(data)
        with self._writing:
            lines = (self._rest + data).split(b"\n")
            self._rest = lines.pop()
            if len(self._rest) > _LONGEST_MESSAGE:
                lines.append(self._rest)
                self._rest = b""
        for line in lines:
            self._host.say(self._level, line.decode("utf-8", "replace"), {"printed": True})
        return len(data)

    def end_line(self):
        if self._rest:
            self.write(b"\n")


class _LogHandler(logging.Handler):
    def __init__(self, host):
        super().__init__()
        self._host = host

    def emit(self, record):
        level = "error" if record.levelno >= 40 else "warn" if record.levelno >= 30 else "info" if record.levelno >= 20 else "debug"
        try:
            message = record.getMessage()
        except Exception:
            message = str(record.msg)
        if record.exc_info and record.exc_info[1] is not None:
            message += " (%s: %s)" % (type(record.exc_info[1]).__name__, record.exc_info[1])
        self._host.say(level, message, {"logger": record.name})


class Output:
    """Takes the standard streams over: what is written past Python's own objects comes out of a pipe."""

    def __init__(self, host):
        self._reads, writes = os.pipe()
        os.dup2(writes, 1)
        os.close(writes)
        os.set_blocking(self._reads, False)
        self._raw = _Printed(host, "info")
        self._taking = threading.Lock()
        self._streams = [_Printed(host, "info"), _Printed(host, "warn")]
        out, err = (io.TextIOWrapper(stream, "utf-8", "replace", write_through=True) for stream in self._streams)
        sys.stdout = sys.__stdout__ = out
        sys.stderr = sys.__stderr__ = err
        logging.getLogger().addHandler(_LogHandler(host))
        logging.getLogger().setLevel(logging.INFO)
        self.thread = threading.Thread(target=self._follow, name="output", daemon=True)
        self.thread.start()

    def _follow(self):
        import select

        poll = select.poll()
        poll.register(self._reads, select.POLLIN)
        while self._drain():
            poll.poll()

    def _drain(self):
        """False when nothing comes any more: the driver closed its end."""
        with self._taking:
            while True:
                try:
                    data = os.read(self._reads, 65536)
                except BlockingIOError:
                    return True
                if not data:
                    return False
                self._raw.write(data)

    def end_call(self):
        self._drain()
        for stream in self._streams + [self._raw]:
            stream.end_line()


# --- what the sandbox refuses, explained --------------------------------------------------------------------------


class Refusals:
    """Hears what the code of the pack tries to do by itself, refuses it with a sentence, and names it in the job."""

    REACH = ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto", "socket.sendmsg")
    LISTEN = ("socket.bind", "socket.gethostbyaddr", "socket.getnameinfo", "socket.getservbyname")
    PROCESS = (
        "subprocess.Popen", "os.system", "os.exec", "os.fork", "os.forkpty", "os.posix_spawn", "os.spawn", "pty.spawn",
        "os.startfile",
    )
    SIGNAL = ("os.kill", "os.killpg", "signal.pthread_kill", "os.setpriority")

    def __init__(self, host, readable):
        self._host = host
        self._readable = tuple(readable)
        self._told = set()
        self._handlers = {"open": self._open}
        for names, act in ((self.REACH, self._reach), (self.LISTEN, self._listen), (self.PROCESS, self._process), (self.SIGNAL, self._signal)):
            self._handlers.update((name, act) for name in names)
        sys.addaudithook(self._hear)

    def begin(self):
        self._told = set()

    def _hear(self, event, args):
        act = self._handlers.get(event)
        if act is not None:
            act(event, args)

    def _note(self, what, resource):
        key = (what, resource)
        if key in self._told or len(self._told) >= _MOST_REFUSALS:
            return
        self._told.add(key)
        shown = "%s of %s" % (what, json.dumps(resource)) if resource else what
        self._host.say(
            "warn",
            "The sandbox refused %s: a driver reaches nothing but its own files and what it asks the runner for" % shown,
            {"refused": what, "resource": resource},
        )

    def _reach(self, event, args):
        address = args[0] if event.startswith("socket.get") else args[1] if len(args) > 1 else None
        if event == "socket.sendmsg" and address is None:
            return
        if event == "socket.getaddrinfo":
            address = args[0:2]
        shown = ":".join(str(part) for part in address[:2]) if isinstance(address, tuple) else str(address)
        self._note(event, shown[:200])
        place, modules = self._host.places.here()
        self._host.tell_own_socket(shown[:200], modules, place)
        raise PermissionError(1, "A driver has no network of its own: ask the device through the transports it is given")

    def _listen(self, event, args):
        self._note(event, str(args[-1])[:200])
        raise PermissionError(1, "A driver has no network of its own: ask the device through the transports it is given")

    def _process(self, event, args):
        self._note(event, str(args[0])[:200] if args else "")
        raise PermissionError(1, "A driver starts no programs: ask the device through the transports it is given")

    def _signal(self, event, args):
        self._note(event, str(args[0])[:200] if args else "")
        raise PermissionError(1, "A driver signals no processes")

    def _open(self, event, args):
        path, _mode, flags = args
        if not isinstance(path, (str, bytes)):
            return
        path = os.path.normpath(os.fsdecode(path))
        if path in ("/dev/null", "/dev/urandom"):
            return
        if isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
            self._note("FileSystemWrite", path[:500])
        elif path.startswith("/") and not path.startswith(self._readable):
            self._note("FileSystemRead", path[:500])


# --- importing the pack -------------------------------------------------------------------------------------------


class _SourceOnly(importlib.machinery.SourceFileLoader):
    """Compiles the source each time: what lies in __pycache__ may be of another source."""

    def get_code(self, fullname):
        path = self.get_filename(fullname)
        return self.source_to_code(self.get_data(path), path)


def open_pack(pack):
    """Makes the pack's own modules importable, before all others, from their sources; behind it what is installed."""
    finder = importlib.machinery.FileFinder.path_hook(
        (importlib.machinery.ExtensionFileLoader, importlib.machinery.EXTENSION_SUFFIXES),
        (_SourceOnly, importlib.machinery.SOURCE_SUFFIXES),
    )

    def hook(path):
        if path != pack and not path.startswith(pack + "/"):
            raise ImportError("not of the pack")
        return finder(path)

    sys.path_hooks.insert(0, hook)
    sys.dont_write_bytecode = True
    own = [pack] + [folder for folder in (pack + "/vendor", pack + "/lib") if os.path.isdir(folder)]
    sys.path[:] = own + _wheels(pack) + [path for path in sys.path if path] + _installed()


def _wheels(pack):
    folder = pack + "/wheelhouse"
    names = sorted(os.listdir(folder)) if os.path.isdir(folder) else []
    wheels = [folder + "/" + name for name in names if name.endswith(".whl")]
    if wheels:
        import zipimport

        order = getattr(zipimport, "_zip_searchorder", ())
        zipimport._zip_searchorder = tuple(row for row in order if not row[1])
    return wheels


def _installed():
    """Where a distribution puts modules: the manifest's `requires.deps` are looked for there as well."""
    version = "python%d.%d" % _FOUND[:2]
    library = os.path.dirname(os.path.dirname(os.__file__))
    folders = ["/usr/local/lib/%s/dist-packages" % version, "%s/%s/site-packages" % (library, version), "%s/python3/dist-packages" % library]
    if os.path.isdir("/usr/lib64/%s/site-packages" % version):
        folders.append("/usr/lib64/%s/site-packages" % version)
    return [folder for folder in folders if os.path.isdir(folder)]


def _import_message(thrown):
    if isinstance(thrown, ModuleNotFoundError) and thrown.name:
        return (
            "ModuleNotFoundError: there is no module %s: put it into the pack (beside the driver, in vendor/, or as a "
            "wheel in wheelhouse/), or install it on the runner's machine and name it in requires.deps" % thrown.name
        )
    if isinstance(thrown, SyntaxError):
        return "%s: %s" % (type(thrown).__name__, thrown.msg)
    return "%s: %s" % (type(thrown).__name__, thrown)


class ImportFault(Exception):
    def __init__(self, message, place):
        super().__init__(message)
        self.place = place


def load_driver(entrypoint, places):
    """The driver's class. ImportFault says why not, and where."""
    module, _, name = entrypoint.partition(":")
    try:
        loaded = importlib.import_module(module)
    except Exception as thrown:
        raise ImportFault(_import_message(thrown), places.of(thrown)) from thrown
    except SystemExit as thrown:
        raise ImportFault("The module ends the process as it is loaded (SystemExit: %s)" % thrown, places.of(thrown)) from thrown
    found = getattr(loaded, name, None)
    if inspect.isclass(found):
        return found
    own = [key for key, value in vars(loaded).items() if inspect.isclass(value) and value.__module__ == module]
    message = "Expected %s.py to define a class %s, got: %s." % (module, name, ", ".join(own) or "none")
    raise ImportFault(message, {"file": module + ".py"})


# --- arguments by name ----------------------------------------------------------------------------------------------


def _unknown(function, names, skip_first):
    """Parameters that nobody can give: they have no default and none of the names."""
    parameters = list(inspect.signature(function).parameters.values())[1 if skip_first else 0:]
    return [
        parameter.name
        for parameter in parameters
        if parameter.default is parameter.empty
        and parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
        and parameter.name not in names
    ]


_signatures = weakref.WeakKeyDictionary()


def _parameters_of(function):
    """Of a function, method or class; looked up once, since that takes longer than most calls."""
    key = getattr(function, "__func__", function)
    try:
        known = _signatures.get(key)
    except TypeError:
        return inspect.signature(function).parameters
    if known is None:
        known = _signatures[key] = inspect.signature(function).parameters
    return known


def bound(function, given):
    """Positional and named arguments of a call: what the function has a name for."""
    positional, named = [], {}
    for name, parameter in _parameters_of(function).items():
        if parameter.kind is parameter.VAR_KEYWORD:
            named.update((key, value) for key, value in given.items() if key not in named)
        elif name not in given:
            if parameter.default is parameter.empty and parameter.kind is not parameter.VAR_POSITIONAL:
                raise DriverError("driver_failed", "%s asks for %s: expected parameters named %s" % (function.__name__, name, ", ".join(_NAMES)))
        elif parameter.kind is parameter.POSITIONAL_ONLY:
            positional.append(given[name])
        else:
            named[name] = given[name]
    return positional, named


class Target(dict):
    """A target as drivers know it: members by key and by attribute."""

    def __getattr__(self, name):
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None


def target_of(raw, config):
    """With the keys under which drivers of switches look for it: `{"poe-port": {"ids": [...]}}`, `{"children": [...]}`."""
    if raw is None:
        return None
    kind, own = raw.get("type", ""), raw.get("id", "")
    ids = [part.strip() for part in own.split(",")]
    target = Target({"switch": config.get("hostname") or config.get("host"), "children": [{kind: one} for one in ids]})
    for name in {kind, kind.replace("_", "-")}:
        target[name] = {"ids": ids}
    target.update(raw)
    target["name"] = raw.get("name", own)
    return target


def given_of(args, config, function):
    params = dict(args.get("params") or {})
    verb = args.get("verb")
    names = _parameters_of(function)
    if verb is not None and "verb" not in names:
        params.setdefault("action", verb)
    return {
        "verb": verb,
        "target": target_of(args.get("target"), config),
        "params": params,
        "dry_run": bool(args.get("dryRun", False)),
        "target_type": args.get("targetType"),
        "active_only": bool(args.get("activeOnly", False)),
        "options": args.get("options") or {},
        "plan": args.get("plan"),
    }


# --- answers in the runner's shapes ---------------------------------------------------------------------------------


def _without_none(answer, names):
    return {key: value for key, value in answer.items() if value is not None or key not in names}


def _text(value):
    return value if isinstance(value, str) else json.dumps(value, default=str)


def _precondition(raw):
    if isinstance(raw, str):
        return {"check": raw, "ok": True}
    if not isinstance(raw, dict) or "check" in raw and isinstance(raw.get("ok"), bool):
        return raw
    name = raw.get("check", raw.get("name"))
    return {**raw, "check": name, "ok": raw.get("ok", raw.get("passed", True))}


def _is_step(raw):
    return isinstance(raw, dict) and str(raw.get("transport", "")).split(".")[0] in _KINDS + ("process",)


def _plan_body(plan):
    """Steps that are the runner's stay steps; what else a driver calls a step is a word to people."""
    steps, notes, preview = plan.get("steps") or [], list(plan.get("notes") or []), list(plan.get("preview") or [])
    is_own = isinstance(steps, list) and all(_is_step(step) for step in steps)
    body = {
        "kind": plan.get("kind") if plan.get("kind") in ("api", "cli", "ssh", "snmp", "process") else "api",
        "preview": [_text(line) for line in preview],
        "notes": [_text(note) for note in notes] + ([] if is_own else [_text(step) for step in steps]),
    }
    return {**body, "steps": steps} if is_own and steps else body


def _effects(raw, target, fallback):
    effects = raw if isinstance(raw, dict) else {}
    each = effects.get("per_target")
    if not isinstance(each, list):
        each = [{"id": (target or {}).get("id", ""), "from": effects.get("from"), "to": effects.get("to", effects or None)}]
    per_target = [
        {**one, "id": one["id"] if isinstance(one.get("id"), str) else str(one.get("id")), "from": one.get("from"), "to": one.get("to")}
        if isinstance(one, dict) else one
        for one in each
    ]
    return {**effects, "summary": _text(effects.get("summary") or fallback), "per_target": per_target}


def _older_plan(answer, target):
    """`{dry_run, capability, target, params, preconditions, plan_cli, effects, risk, notes}`."""
    checks = [_precondition(one) for one in answer.get("preconditions") or []]
    holds = all(not isinstance(one, dict) or one.get("ok") is not False for one in checks)
    risk = str(answer.get("risk", "")).lower()
    notes = answer.get("notes") or []
    lines = [_text(line) for line in answer.get("plan_cli") or []]
    return {
        "ok": holds,
        "severity": "error" if not holds else "info" if risk in ("", "none", "low", "info") else "warn",
        "preconditions": checks,
        "plan": {"kind": "cli", "preview": lines, "notes": [_text(note) for note in (notes if isinstance(notes, list) else [notes])]},
        "effects": _effects(answer.get("effects"), target, answer.get("capability") or "; ".join(lines)),
    }


def as_dry_run(answer, target):
    if not isinstance(answer, dict):
        return answer
    if "plan_cli" in answer or answer.get("dry_run") is True and "plan" not in answer:
        return _older_plan(answer, target)
    result = _without_none(answer, ("reason", "idempotency_key"))
    if result.get("severity") == "warning":
        result["severity"] = "warn"
    if isinstance(answer.get("preconditions"), list):
        result["preconditions"] = [_precondition(one) for one in answer["preconditions"]]
    if isinstance(answer.get("plan"), dict):
        result["plan"] = _plan_body(answer["plan"])
    if isinstance(answer.get("effects"), dict):
        result["effects"] = _effects(answer["effects"], target, answer.get("reason") or "")
    return result


def as_action(answer):
    return _without_none(answer, ("ok", "task_id", "effects")) if isinstance(answer, dict) else answer


def as_test(answer):
    if not isinstance(answer, dict):
        return answer
    result = _without_none(answer, ("message", "latency_ms", "details"))
    status = answer.get("status")
    if isinstance(status, str) and status not in ("connected", "degraded", "error"):
        details = result.get("details")
        result["details"] = {**(details if isinstance(details, dict) else {}), "driver_status": status}
        result["status"] = "degraded" if status == "warning" else "error"
    return result


def _item(raw):
    if not isinstance(raw, dict):
        return raw
    own = raw.get("external_id", raw.get("id"))
    if isinstance(own, int) and not isinstance(own, bool):
        own = str(own)
    kind = raw.get("type")
    if isinstance(kind, str):
        kind = {"poe-port": "port"}.get(kind, kind.replace("-", "_"))
    name = raw.get("name") or own
    return {"type": kind, "external_id": own, "name": name, "attrs": raw.get("attrs") or {}, "labels": raw.get("labels") or {}}


def as_inventory(answer):
    return [_item(one) for one in answer] if isinstance(answer, list) else answer


def shaped(method, args, answer):
    """The answer with the runner's names: what a driver says in an older way means the same."""
    if method == "test_connection":
        return as_test(answer)
    if method == "inventory_list" and "targetType" in args:
        return as_inventory(answer)
    if args.get("dryRun") is True:
        return as_dry_run(answer, args.get("target"))
    return as_action(answer)


# --- transports -----------------------------------------------------------------------------------------------------


class Adapter:
    """One endpoint of the instance, reached by the runner: `await prepare(cfg)`, `await call(request)`, `await close()`."""

    def __init__(self, call, name):
        self._ask = call.ask
        self._config = call.instance.config
        self.name = name
        self.kind = name.split(".")[0]

    async def prepare(self, cfg=None):
        if isinstance(cfg, dict):
            self._config = cfg
        return self

    async def close(self):
        """The runner keeps the connection warm, and ends it."""

    async def subscribe(self, *_args, **_named):
        raise DriverError("driver_failed", "The transport %s has nothing to subscribe to." % self.name)

    async def call(self, request, timeout_s=None):
        """`{ok, status, data, raw, latency_ms}`. A contact that failed raises DriverError with its cause as code."""
        if not isinstance(request, dict):
            raise DriverError("driver_failed", "Expected a request of %s as a dict." % self.name)
        limit = {} if timeout_s is None else {"timeout_ms": int(timeout_s * 1000)}
        began = time.perf_counter()
        answer = await self._send(request, limit)
        answer.setdefault("latency_ms", round((time.perf_counter() - began) * 1000, 1))
        return answer

    def _block(self):
        block = self._config.get(self.name)
        return block if isinstance(block, dict) else self._config


class HttpAdapter(Adapter):
    """`{method, path | url, params, headers, json | data | content}`."""

    async def _send(self, request, limit):
        answer = await self._ask("http.request", {"transport": self.name, **limit, **self._asked(request)})
        status, text = answer["status"], answer["body"]
        try:
            data = json.loads(text) if text else None
        except (ValueError, RecursionError):
            data = text
        return {
            "ok": 200 <= status < 300, "status": status, "data": data, "raw": text, "headers": answer["headers"],
            "latency_ms": answer["latency_ms"],
        }

    def _asked(self, request):
        block = self._block()
        path, _, search = str(request.get("path") or "").partition("?")
        asked = {"method": str(request.get("method") or "GET").upper()}
        base = request.get("url") or block.get("base_url")
        if base:
            tail = "" if not path else path if path.startswith("/") else "/" + path
            asked["url"] = str(base).rstrip("/") + tail if tail else str(base)
        else:
            asked["path"] = path if path == "" or path.startswith("/") else "/" + path
        query = self._pairs(request.get("params") or request.get("query"))
        if search:
            from urllib.parse import parse_qsl

            query = [list(pair) for pair in parse_qsl(search, keep_blank_values=True)] + query
        if query:
            asked["query"] = query
        headers = {**self._headers(block.get("headers")), **self._headers(request.get("headers"))}
        if headers:
            asked["headers"] = headers
        return {**asked, **self._body(request)}

    @staticmethod
    def _headers(raw):
        return {str(name): str(value) for name, value in raw.items() if value is not None} if isinstance(raw, dict) else {}

    @staticmethod
    def _word(value):
        return ("true" if value else "false") if isinstance(value, bool) else "" if value is None else str(value)

    def _pairs(self, raw):
        pairs = raw.items() if isinstance(raw, dict) else raw or []
        return [
            [str(name), self._word(one)]
            for name, value in pairs
            for one in (value if isinstance(value, (list, tuple)) else [value])
        ]

    def _body(self, request):
        if request.get("json") is not None:
            return {"json": request["json"]}
        if isinstance(request.get("data"), (dict, list)):
            return {"form": self._pairs(request["data"])}
        body = request.get("data") if request.get("content") is None else request["content"]
        if body is None:
            return {}
        own = {key: request[key] for key in ("content_type",) if request.get(key)}
        if isinstance(body, (bytes, bytearray)):
            return {**own, "base64": base64.b64encode(bytes(body)).decode("ascii")}
        return {**own, "text": str(body)}


def _listed(request, many, one):
    found = request.get(many)
    if found is None:
        found = request.get(one)
    return [] if found is None else list(found) if isinstance(found, (list, tuple)) else [found]


class SshAdapter(Adapter):
    """`{commands[], stdin?, shell?}`: stops at the first that is not zero; `shell` for devices that take lines alone."""

    sessions = 0

    def __init__(self, call, name):
        super().__init__(call, name)
        SshAdapter.sessions += 1
        self._session = SshAdapter.sessions

    async def _send(self, request, limit):
        results = []
        for command in _listed(request, "commands", "command"):
            answer = await self._run(str(command), request, limit)
            results.append({"command": command, **answer})
            if answer.get("exit_code") not in (0, None):
                break
        last = results[-1] if results else {}
        ok = all(result.get("exit_code") in (0, None) for result in results)
        text = "\n".join(result.get("stdout", "") for result in results)
        errors = "\n".join(result.get("stderr", "") for result in results)
        data = {"results": results, "stdout": text, "stderr": errors, "exit_code": last.get("exit_code")}
        return {"ok": ok, "status": last.get("exit_code"), "data": data, "raw": text}

    async def _run(self, command, request, limit):
        if not request.get("shell"):
            more = {} if request.get("stdin") is None else {"stdin": request["stdin"]}
            return await self._ask("ssh.run", {"transport": self.name, "command": command, **more, **limit})
        more = {"answers": request["answers"]} if request.get("answers") else {}
        options = {key: request[key] for key in ("prompt", "pager") if request.get(key)}
        asked = {"transport": self.name, "session": self._session, "options": options, "command": command}
        return await self._ask("ssh.line", {**asked, **more, **limit})


_SNMP_TYPES = {
    1: "Boolean", 2: "Integer", 3: "BitString", 4: "OctetString", 5: "Null", 6: "ObjectIdentifier", 64: "IpAddress",
    65: "Counter", 66: "Gauge", 67: "TimeTicks", 68: "Opaque", 70: "Counter64", 128: "NoSuchObject",
    129: "NoSuchInstance", 130: "EndOfMibView",
}


class SnmpAdapter(Adapter):
    """`{op: get | walk | set, oid | oids | set}`: `data` is a dict of names and values."""

    async def _send(self, request, limit):
        op = request.get("op", "get")
        if op == "set":
            return await self._set(request)
        names = [str(name).lstrip(".") for name in _listed(request, "oids", "oid")]
        if op == "get":
            rows = self._rows(await self._ask("snmp.get", {"transport": self.name, "oids": names, **limit}))
        elif op == "walk":
            rows = []
            for name in names:
                rows += self._rows(await self._ask("snmp.walk", {"transport": self.name, "oid": name, **limit}))
        else:
            raise DriverError("driver_failed", "Expected an snmp op of get, walk or set, got %r." % (op,))
        return {"ok": True, "status": 0, "data": {row["oid"]: row["value"] for row in rows}, "raw": rows}

    @staticmethod
    def _rows(wire):
        hexed = set(wire["hex"])
        rows = []
        for index, name in enumerate(wire["names"]):
            value = wire["values"][index]
            if index in hexed and isinstance(value, str):
                value = "0x" + value
            rows.append({"oid": wire["base"] + name, "type": _SNMP_TYPES.get(wire["types"][index], "Null"), "value": value})
        return rows

    async def _set(self, request):
        values = request.get("set") or [request]
        each = [
            {
                "oid": str(one.get("oid", "")).lstrip("."),
                "type": one.get("type") or ("Integer" if isinstance(one.get("value"), int) else "OctetString"),
                "value": one.get("value"),
            }
            for one in values
        ]
        answer = await self._ask("snmp.set", {"transport": self.name, "set": each})
        return {"ok": answer.get("error") is None, "status": 0, "data": answer, "raw": answer}


def _lines(command):
    return [str(line) for line in command] if isinstance(command, (list, tuple)) else str(command)


class TelnetAdapter(Adapter):
    """`{commands[], prompt}`: sends each, and reads to the prompt, a regular expression. A command is a line, or a list
    of lines that the device takes together, such as a command and its block of data. `read`: patterns up to which is
    read on, after the commands or without any. `whole`: only a line that has its end matches."""

    def __init__(self, call, name):
        super().__init__(call, name)
        self._conn = None

    async def close(self):
        conn, self._conn = self._conn, None
        if conn is not None:
            await self._ask("tcp.close", {"conn": conn})

    async def _send(self, request, limit):
        if request.get("whole"):
            limit = {**limit, "whole": True}
        prompt = str(request.get("prompt") or self._block().get("prompt") or r"[>#$%:]\s*$")
        if self._conn is None:
            self._conn = (await self._ask("tcp.open", {"transport": self.name}))["conn"]
            if request.get("greeting"):
                await self._read(str(request["greeting"]), limit)
        results = []
        for command in _listed(request, "commands", "command"):
            await self._ask("tcp.send", {"conn": self._conn, "line": _lines(command)})
            lines = await self._read(prompt, limit)
            results.append({"command": command, "lines": lines, "output": "\n".join(lines)})
        for pattern in _listed(request, "read", "read"):
            lines = await self._read(str(pattern), limit)
            results.append({"command": None, "lines": lines, "output": "\n".join(lines)})
        text = "\n".join(result["output"] for result in results)
        return {"ok": True, "status": 0, "data": {"results": results, "output": text}, "raw": text}

    async def _read(self, pattern, limit):
        return (await self._ask("tcp.read_until", {"conn": self._conn, "pattern": pattern, **limit}))["lines"]


class Transports:
    """`await get(name)` gives the adapter of an endpoint that the manifest declares."""

    ADAPTERS = {"http": HttpAdapter, "ssh": SshAdapter, "snmp": SnmpAdapter, "tcp": TelnetAdapter}

    def __init__(self, call):
        self._call = call
        self._open = {}

    async def get(self, name):
        kind, dot, rest = str(name).partition(".")
        own = "tcp" if kind == "telnet" else kind
        if own not in self.ADAPTERS:
            raise DriverError("driver_failed", "Expected a transport named http, ssh, snmp, telnet or tcp, got %r." % (name,))
        if name not in self._open:
            self._open[name] = self.ADAPTERS[own](self._call, own + dot + rest)
        return self._open[name]

    async def apply(self, count=None):
        """Sends the plan's next steps (default: all that are left) and gives their answers."""
        return await self._call.ask("apply", {} if count is None else {"count": count})

    async def close_all(self):
        adapters, self._open = list(self._open.values()), {}
        for adapter in adapters:
            await adapter.close()


# --- one call ---------------------------------------------------------------------------------------------------------


class Call:
    def __init__(self, host, message):
        self.id = message["id"]
        self.method = message["method"]
        self.args = message["args"]
        self.secrets = message["secrets"]
        about = message.get("instance") or {}
        self.instance = types.SimpleNamespace(
            config=message["config"], type_id=about.get("type_id", ""), name=about.get("name", ""),
            instance_id=about.get("instance_id", ""), progress=self._progress, artifact=self._artifact,
        )
        self.transports = Transports(self)
        self.is_over = False
        self._host = host
        self._asking = threading.Lock()
        self._waiting = {}
        self._later = collections.deque()
        self._last = 0
        self._events = 0
        self._bytes = 0

    # what it says

    def emit(self, event, size):
        if self.is_over or self._events > _MOST_EVENTS or self._bytes > _MOST_EVENT_BYTES:
            return
        self._events += 1
        self._bytes += size
        if self._events > _MOST_EVENTS or self._bytes > _MOST_EVENT_BYTES:
            text = "Further lines of this call are not kept: a driver may write %d of them, %d bytes in all."
            event = {"kind": "log", "level": "warn", "message": text % (_MOST_EVENTS, _MOST_EVENT_BYTES)}
        self._host.line.send({"t": "event", "id": self.id, "event": event})

    def _progress(self, percent, message=""):
        share = float(percent)
        share = share if math.isfinite(share) else 0.0
        self.emit({"kind": "progress", "percent": share, "message": _cut(str(message))}, len(str(message)))

    def _artifact(self, name, content, content_type="application/octet-stream"):
        data = content.encode("utf-8") if isinstance(content, str) else bytes(content)
        coded = base64.b64encode(data).decode("ascii")
        name, kind = str(name)[:_LONGEST_NAME], str(content_type)[:_LONGEST_NAME]
        self.emit({"kind": "artifact", "name": name, "contentType": kind, "base64": coded}, 0)

    # what it asks

    async def ask(self, op, args):
        future = asyncio.get_running_loop().create_future()
        with self._asking:
            if self.is_over:
                raise DriverError("driver_failed", "The call is over, %s comes too late." % op)
            if len(self._waiting) < _ASKS_AT_ONCE:
                self._put(op, args, future)
            else:
                self._later.append((op, args, future))
        return await future

    def _put(self, op, args, future):
        self._last += 1
        try:
            self._host.line.send({"t": "ask", "id": self.id, "n": self._last, "op": op, "args": args})
            self._waiting[self._last] = future
        except TooLarge:
            text = "Expected the arguments of %s to be smaller than 24 MiB." % op
            self._resolve(future, None, DriverError("driver_failed", text))
        except _NOT_PLAIN as thrown:
            text = 'Arguments of %s at "%s": %s.' % ((op,) + _fault_of(args, thrown))
            self._resolve(future, None, DriverError("driver_failed", text))

    def tell(self, op, args):
        """Asks without waiting: the answer is the job's, not the driver's."""
        with self._asking:
            if not self.is_over:
                self._last += 1
                self._host.line.send({"t": "ask", "id": self.id, "n": self._last, "op": op, "args": args})

    def answer(self, message):
        with self._asking:
            future = self._waiting.pop(message["n"], None)
            if self._later and len(self._waiting) < _ASKS_AT_ONCE:
                self._put(*self._later.popleft())
        if future is None:
            return
        if message["t"] == "answer":
            self._resolve(future, message["value"], None)
            return
        told = message["error"]
        error = DriverError(told["code"], told["message"], told.get("details"))
        error._ask = message["n"]
        self._resolve(future, None, error)

    @staticmethod
    def _resolve(future, value, error):
        def settle():
            if not future.done():
                future.set_result(value) if error is None else future.set_exception(error)

        loop = future.get_loop()
        try:
            running = asyncio.get_running_loop()
        except RuntimeError:
            running = None
        if loop is running:
            settle()
        elif not loop.is_closed():
            loop.call_soon_threadsafe(settle)

    # what it does

    async def run(self, driver):
        given = {"instance": self.instance, "secrets": self.secrets, "transports": self.transports}
        positional, named = bound(driver, given)
        object_ = driver(*positional, **named)
        function = getattr(object_, self.method, None)
        if not callable(function):
            raise DriverError("driver_failed", "The driver has no method %s." % self.method)
        positional, named = bound(function, given_of(self.args, self.instance.config, function))
        answer = function(*positional, **named)
        if inspect.isawaitable(answer):
            answer = await answer
        await self.transports.close_all()
        return shaped(self.method, self.args, answer)

    def end(self):
        with self._asking:
            self.is_over = True
            self._waiting.clear()
            self._later.clear()


# --- the host -----------------------------------------------------------------------------------------------------------


class Host:
    def __init__(self, plan):
        self.line = Line(3)
        self.places = Places(plan["packDir"])
        self._plan = plan
        self._driver = None
        self._fault = None
        self._current = None
        self._task = None
        self._loop = None
        self._last_words = b""
        self._worked = time.process_time()
        self.output = Output(self)
        self._own_threads = set(threading.enumerate())

    # what happens

    def say(self, level, message, meta):
        call = self._current
        if call is not None:
            message = _cut(message)
            call.emit({"kind": "log", "level": level, "message": message, "meta": meta}, len(message) + 64)

    def tell_own_socket(self, address, modules, place):
        call = self._current
        if call is not None:
            asked = {"address": address, "modules": modules, "at": place}
            call.tell("socket.connect", {key: value for key, value in asked.items() if value is not None})

    def serve(self, descriptor, write=os.write, leave=os._exit):
        """Never returns. A driver can break all that this works with: then the process ends at once, by means kept here."""
        try:
            self.line.send({"t": "ready"})
            while True:
                for message in self.line.take():
                    self._take_idle(message)
        finally:
            try:
                write(descriptor, self._last_words)
            finally:
                leave(1)

    def _take_idle(self, message):
        if message["t"] == "call":
            self._serve_call(message)
        elif message["t"] == "inspect":
            self.line.send({"t": "done", "id": message["id"], "value": self._inspect()})
        elif message["t"] == "tidy" and time.process_time() - self._worked > 0.01:
            gc.collect()
            self._worked = time.process_time()

    def _take_busy(self):
        call = self._current
        for message in self.line.take():
            if call is None or message.get("id") != call.id:
                continue
            if message["t"] in ("answer", "refusal"):
                call.answer(message)
            elif message["t"] == "cancel" and self._task is not None:
                self._task.cancel()

    # the driver

    def _load(self):
        if self._driver is None and self._fault is None:
            try:
                self._driver = load_driver(self._plan["entrypoint"], self.places)
            except ImportFault as fault:
                self._fault = fault
        return self._driver

    def _inspect(self):
        driver = self._load()
        if driver is None:
            fault = {"message": str(self._fault), **(self._fault.place or {})}
            return {"methods": {}, "handles": None, "importError": fault}
        methods, signatures = {}, {}
        for name in dir(driver):
            found = inspect.getattr_static(driver, name)
            plain = found.__func__ if isinstance(found, (staticmethod, classmethod)) else found
            if not inspect.isfunction(plain) or name.startswith("_"):
                continue
            methods[name] = 0
            unknown = _unknown(plain, _NAMES, not isinstance(found, staticmethod))
            if unknown:
                signatures[name] = "expected parameters named %s, got %s" % (", ".join(_NAMES), ", ".join(unknown))
        unknown = _unknown(driver, ("instance", "secrets", "transports"), False)
        if unknown:
            signatures["__init__"] = "expected parameters named instance, secrets, transports, got %s" % ", ".join(unknown)
        handles = getattr(driver, "handles", None)
        handles = handles if isinstance(handles, dict) and not _unplain(handles, []) else None
        return {"methods": methods, "handles": handles, "importError": None, "signatures": signatures}

    # one call

    def _serve_call(self, message):
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            self._loop.set_exception_handler(self._astray)
            self._loop.add_reader(self.line.descriptor, self._take_busy)
        refusals.begin()
        call = self._current = Call(self, message)
        self._last_words = self._words_of(call)
        reply = self._run_to_end(call)
        self.output.end_call()
        call.end()
        self._current = None
        self._send_end(call, {**reply, "isLast": True} if self._left_behind() else reply)
        self._last_words = b""

    def _words_of(self, call):
        """What is said when nothing else can be said any more: made before the driver had its hands on anything."""
        text = "The driver broke what its own process works with (Python's builtins or modules, the line to the runner)."
        return _framed(_encode(self._failed(call, {"code": "driver_failed", "message": text, "isFatal": True})).encode("ascii"))

    def _run_to_end(self, call):
        self._task = self._loop.create_task(self._run(call))
        try:
            return self._loop.run_until_complete(self._task)
        except asyncio.CancelledError:
            return self._failed(call, {"code": "driver_failed", "message": "The driver's call was cancelled."})
        finally:
            self._task = None

    async def _run(self, call):
        try:
            driver = self._load()
            if driver is None:
                return self._failed(call, self._import_failure())
            return {"t": "done", "id": call.id, "value": await call.run(driver)}
        except asyncio.CancelledError:
            raise
        except BaseException as thrown:
            return self._failed(call, self._failure_of(thrown))

    @staticmethod
    def _failed(call, error):
        return {"t": "failed", "id": call.id, "error": error}

    def _import_failure(self):
        error = {"code": "driver_failed", "message": "The driver cannot be loaded: %s" % self._fault}
        return {**error, "at": _shown(self._fault.place)} if self._fault.place else error

    def _failure_of(self, thrown):
        is_own = isinstance(thrown, DriverError)
        message = str(thrown) if is_own else ("%s: %s" % (type(thrown).__name__, thrown)).rstrip(": ")
        if isinstance(thrown, SystemExit):
            message = "The driver tried to end the process (sys.exit)."
        error = {"code": _cut(str(thrown.code), 190) if is_own else "driver_failed", "message": _cut(message)}
        if is_own:
            error["details"] = _small(thrown.details)
        place = self.places.of(thrown)
        if place:
            error["at"] = _cut(_shown(place), 900)
        ask = getattr(thrown, "_ask", None)
        return error if ask is None else {**error, "ask": ask}

    def _send_end(self, call, reply):
        try:
            self.line.send(reply)
        except TooLarge:
            self._refuse_answer(call, reply, "", "expected an answer of at most 24 MiB, got a larger one")
        except _NOT_PLAIN as thrown:
            self._refuse_answer(call, reply, *_fault_of(reply.get("value"), thrown))

    def _refuse_answer(self, call, reply, pointer, message):
        failed = self._failed(call, {"code": "response_invalid", "message": message, "pointer": pointer})
        self.line.send({**failed, "isLast": True} if reply.get("isLast") else failed)

    # what a call left behind

    def _left_behind(self):
        """Ends what goes on beside a call that is over. True when something does not end: then the process does."""
        executor = getattr(self._loop, "_default_executor", None)
        if executor is not None:
            executor.shutdown(wait=False, cancel_futures=True)
            self._loop._default_executor = None
        tasks = [task for task in asyncio.all_tasks(self._loop) if not task.done()]
        for task in tasks:
            task.cancel()
        if tasks:
            self._loop.run_until_complete(asyncio.wait(tasks, timeout=0.05))
        if threading.active_count() == len(self._own_threads) and not tasks:
            return False
        threads = [thread for thread in threading.enumerate() if thread not in self._own_threads]
        deadline = time.monotonic() + 0.05
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        return any(not task.done() for task in tasks) or any(thread.is_alive() for thread in threads)

    def _astray(self, _loop, context):
        thrown = context.get("exception")
        if isinstance(thrown, Exception):
            self.say("warn", "Beside the call: %s: %s" % (type(thrown).__name__, thrown), {})


def _refuse_too_old():
    """Answers whatever is asked with the reason."""
    line = Line(3)
    text = "The runner's machine has Python %d.%d, drivers in Python need %d.%d or newer: install it" % (_FOUND[:2] + _LEAST)
    line.send({"t": "ready"})
    while True:
        for message in line.take():
            if message["t"] == "inspect":
                fault = {"methods": {}, "handles": None, "importError": {"message": text}}
                line.send({"t": "done", "id": message["id"], "value": fault})
            elif message["t"] == "call":
                line.send({"t": "failed", "id": message["id"], "error": {"code": "program_missing", "message": text + "."}})


def offer_sdk():
    """`from switchyard import DriverError`."""
    module = types.ModuleType("switchyard", "What a driver may import of the runner.")
    module.DriverError = DriverError
    sys.modules["switchyard"] = module


if __name__ == "__main__":
    if _FOUND < _LEAST:
        _refuse_too_old()
    plan = json.loads(sys.argv[1])
    sys.argv[:] = [""]
    os.environ.clear()
    # Libraries look for their user's folder as they are loaded, and there is no user to ask for.
    os.environ["HOME"] = "/nonexistent"
    open_pack(plan["packDir"])
    offer_sdk()
    host = Host(plan)
    refusals = Refusals(host, [plan["packDir"] + "/", "/usr/", "/lib", "/switchyard/"] + [sys.prefix + "/lib"])
    host.serve(host.line.descriptor)
