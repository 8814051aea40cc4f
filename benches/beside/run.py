#!/usr/bin/env python3
"""Runs the release binary beside nginx (plain proxy) and nginx+Lua doing the same check.

Same upstream, same load, in turns. Prints throughput, latency percentiles and CPU microseconds for each
request, as figures and as ratios. Everything stays on loopback and ends by itself.

    apt-get install nginx libnginx-mod-http-lua wrk
    cargo build --release --example seed --bin dndgate
    benches/beside/run.py [--seconds 8] [--rounds 3] [--numbers 1000000] [--connections 32]
"""

import argparse
import json
import os
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release"
TICK = os.sysconf("SC_CLK_TCK")
PORTS = {"upstream": 18100, "nginx": 18101, "nginx+lua": 18102, "dndgate": 18103, "admin": 18104}
MODULES = "/usr/lib/nginx/modules"

COMMON = """
worker_processes {workers}; pid {dir}/{name}.pid; error_log {dir}/{name}.log warn; daemon off;
{modules}
events {{ worker_connections 2048; }}
http {{
  access_log off; keepalive_requests 1000000000; keepalive_timeout 120s;
  client_body_buffer_size 64k; client_max_body_size 60m;
  client_body_temp_path {dir}/{name}-body; proxy_temp_path {dir}/{name}-proxy;
  fastcgi_temp_path {dir}/{name}-f; uwsgi_temp_path {dir}/{name}-u; scgi_temp_path {dir}/{name}-s;
  {http}
}}
"""

UPSTREAM = """
  server {{ listen 127.0.0.1:{port} reuseport;
    location / {{ default_type application/json;
      return 201 '{{"sid":"SM00000000000000000000000000000000","status":"queued","to":"+1","error_code":null}}'; }} }}
"""

PLAIN = """
  upstream provider {{ server 127.0.0.1:{upstream}; keepalive 256; keepalive_requests 1000000000; }}
  server {{ listen 127.0.0.1:{port} reuseport;
    location /twilio/ {{ proxy_pass http://provider/; proxy_http_version 1.1; proxy_set_header Connection ""; }} }}
"""

LUA = """
  lua_shared_dict dnd 256m;
  init_by_lua_block {{
    local dnd = ngx.shared.dnd
    for line in io.lines("{numbers}") do dnd:set(line, 1) end
  }}
  upstream provider {{ server 127.0.0.1:{upstream}; keepalive 256; keepalive_requests 1000000000; }}
  server {{ listen 127.0.0.1:{port} reuseport;
    location /twilio/ {{
      access_by_lua_block {{
        ngx.req.read_body()
        local to = ngx.req.get_post_args()["To"]
        if to and ngx.shared.dnd:get(to) then
          ngx.status = 400
          ngx.header["Content-Type"] = "application/json"
          ngx.print('{{"code":21610,"message":"Attempt to send to unsubscribed recipient","more_info":"https://www.twilio.com/docs/errors/21610","status":400}}')
          return ngx.exit(400)
        end
      }}
      proxy_pass http://provider/; proxy_http_version 1.1; proxy_set_header Connection ""; }} }}
"""

WRK = """
local blocked = {blocked}
local count = {numbers}
local state = {seed}
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/x-www-form-urlencoded"
wrk.headers["Authorization"] = "Basic QUM6dG9rZW4="
wrk.headers["User-Agent"] = "twilio-python/9"
wrk.headers["Accept"] = "application/json"
local path = "/twilio/2010-04-01/Accounts/AC00000000000000000000000000000000/Messages.json"
request = function()
  state = (state * 1103515245 + 12345) % 2147483648
  local n = state % count
  if not blocked then n = n + 5000000 end
  local body = "To=%2B1415" .. string.format("%07d", n) .. "&From=%2B15005550006&Body=Hello+there%2C+your+order+is+on+its+way"
  return wrk.format(nil, path, nil, body)
end
local bad = 0
response = function(status)
  if status ~= {expect} then bad = bad + 1 end
end
local threads = {{}}
setup = function(thread) table.insert(threads, thread) end
done = function(summary, latency)
  local wrong = 0
  io.write(string.format("RESULT %d %d %.1f %.1f %.1f %d\\n", summary.requests, summary.duration,
    latency:percentile(50), latency:percentile(99), latency:percentile(99.9),
    summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout))
end
"""


def cpu_seconds(pids):
    total = 0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        total += int(fields[11]) + int(fields[12])
    return total / TICK


def children(pid):
    listed = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid] + [int(child) for child in listed]


def wait_for(port, seconds=120):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    sys.exit(f"nothing listens on {port}")


def wait_ready(port, seconds=120):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz") as answer:
                if answer.status == 200:
                    return
        except OSError:
            pass
        time.sleep(0.05)
    sys.exit("dndgate is not ready")


def start_nginx(name, folder, http, workers, lua=False):
    modules = ""
    if lua:
        modules = f"load_module {MODULES}/ndk_http_module.so; load_module {MODULES}/ngx_http_lua_module.so;"
    config = folder / f"{name}.conf"
    config.write_text(COMMON.format(workers=workers, dir=folder, name=name, modules=modules, http=http))
    return subprocess.Popen(["nginx", "-c", str(config), "-p", str(folder)])


def start_dndgate(folder, numbers, workers):
    (folder / "dndgate.toml").write_text(f"""
[traffic]
listen = "127.0.0.1:{PORTS['dndgate']}"
workers = {workers}
[admin]
listen = "127.0.0.1:{PORTS['admin']}"
[store]
url = "sqlite:dndgate.db"
[[provider]]
name = "twilio"
adapter = "twilio"
upstream = "http://127.0.0.1:{PORTS['upstream']}"
accounts = "any"
auth_token = "bench"
""")
    subprocess.run([TARGET / "examples" / "seed", folder / "dndgate.db", str(numbers)], check=True)
    # The log goes where it would go in service: to a pipe that somebody reads.
    log = open(folder / "dndgate.log", "w")
    return subprocess.Popen([TARGET / "dndgate", "-c", folder / "dndgate.toml", "serve"], stderr=log)


def load(name, pids, script, arguments, expect):
    url = f"http://127.0.0.1:{PORTS[name]}"
    before = cpu_seconds(pids)
    out = subprocess.run(
        ["wrk", "-t1", f"-c{arguments.connections}", f"-d{arguments.seconds}s", "-s", script, url],
        check=True, capture_output=True, text=True).stdout
    cpu = cpu_seconds(pids) - before
    found = re.search(r"RESULT (\d+) (\d+) ([\d.]+) ([\d.]+) ([\d.]+) (\d+)", out)
    requests, micros, p50, p99, p999, errors = (float(part) for part in found.groups())
    wrong = re.search(r"Non-2xx or 3xx responses: (\d+)", out)
    refused = int(wrong.group(1)) if wrong else 0
    if errors or (expect == 400 and refused != requests) or (expect == 201 and refused):
        sys.exit(f"{name}: {errors} errors, {refused} refused of {requests}:\n{out}")
    return {"rps": requests / (micros / 1e6), "cpu": cpu / requests * 1e6, "p50": p50, "p99": p99, "p999": p999}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--numbers", type=int, default=1_000_000)
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    arguments = parser.parse_args()
    for tool in ("nginx", "wrk"):
        if not shutil.which(tool):
            sys.exit(f"{tool} is missing: apt-get install nginx libnginx-mod-http-lua wrk")
    folder = Path(tempfile.mkdtemp(prefix="beside-"))
    running = []
    try:
        numbers = folder / "numbers"
        with open(numbers, "w") as out:
            out.writelines(f"+1415{n:07d}\n" for n in range(arguments.numbers))
        running.append(start_nginx("upstream", folder, UPSTREAM.format(port=PORTS["upstream"]), arguments.workers))
        plain = PLAIN.format(port=PORTS["nginx"], upstream=PORTS["upstream"])
        lua = LUA.format(port=PORTS["nginx+lua"], upstream=PORTS["upstream"], numbers=numbers)
        servers = {
            "nginx": start_nginx("plain", folder, plain, arguments.workers),
            "nginx+lua": start_nginx("lua", folder, lua, arguments.workers, lua=True),
            "dndgate": start_dndgate(folder, arguments.numbers, arguments.workers),
        }
        running.extend(servers.values())
        for port in PORTS.values():
            wait_for(port)
        wait_ready(PORTS["admin"])
        results = {}
        for path, expect, who in (("allowed", 201, servers), ("blocked", 400, ("nginx+lua", "dndgate"))):
            for turn in range(arguments.rounds + 1):
                for name in who:
                    script = folder / "load.lua"
                    script.write_text(WRK.format(blocked=str(path == "blocked").lower(), numbers=arguments.numbers,
                                                 seed=turn + 1, expect=expect))
                    figures = load(name, children(servers[name].pid), script, arguments, expect)
                    if turn:  # the first turn warms up
                        results.setdefault((path, name), []).append(figures)
        report(results)
    finally:
        for process in running:
            process.send_signal(signal.SIGTERM)
        for process in running:
            try:
                process.wait(40)
            except subprocess.TimeoutExpired:
                process.kill()
        shutil.rmtree(folder, ignore_errors=True)


def report(results):
    median = {
        key: {figure: statistics.median(one[figure] for one in rounds) for figure in rounds[0]}
        for key, rounds in results.items()
    }
    print(f"{'path':8} {'server':10} {'req/s':>9} {'CPU µs/req':>11} {'p50 µs':>8} {'p99 µs':>8} {'p99.9 µs':>9}")
    for (path, name), one in median.items():
        print(f"{path:8} {name:10} {one['rps']:9.0f} {one['cpu']:11.2f} {one['p50']:8.0f} {one['p99']:8.0f} {one['p999']:9.0f}")
    ratio = lambda path, other: median[path, "dndgate"]["cpu"] / median[path, other]["cpu"]
    print("\nCPU per request, dndgate against")
    print(f"  allowed, plain nginx: {ratio('allowed', 'nginx'):.2f}   (mark: at most 1.20)")
    print(f"  allowed, nginx+Lua:   {ratio('allowed', 'nginx+lua'):.2f}   (mark: below 1.00)")
    print(f"  blocked, nginx+Lua:   {ratio('blocked', 'nginx+lua'):.2f}   (mark: at most 0.80)")
    print(json.dumps({f"{path} {name}": one for (path, name), one in median.items()}))


if __name__ == "__main__":
    main()
