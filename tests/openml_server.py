"""A loopback OpenML server: one task, its data and its splits, and the faults that real servers have."""

import hashlib
import io
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pandas as pd

XML = 'xmlns:oml="http://openml.org/openml"'
STALL = "stall"
CUT = "cut"
LOOP = "loop"
DRIP = "drip"


class Server:
    """Answers by path: (status, bytes), STALL (says nothing), CUT (in the middle), LOOP (to itself), DRIP (a part)."""

    def __init__(self):
        self.pages = {}
        self.asked = []
        self.released = threading.Event()
        self.httpd = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.thread = threading.Thread(target=self.httpd.serve_forever, kwargs={"poll_interval": 0.01})

    @property
    def host(self):
        return f"http://127.0.0.1:{self.httpd.server_address[1]}"

    @property
    def api(self):
        return f"{self.host}/api/v1/xml"

    def page(self, path, body, status=200):
        self.pages[path] = (status, body if isinstance(body, bytes) else body.encode())

    def fault(self, path, kind):
        self.pages[path] = kind

    def _handler(self):
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                server.asked.append(self.path)
                page = server.pages.get(self.path, (412, error(151, "Unknown task").encode()))
                if page == STALL:
                    server.released.wait(10)
                    return
                if page == LOOP:
                    self.send_response(302)
                    self.send_header("Location", self.path)
                    self.end_headers()
                    return
                if page == DRIP:
                    self.send_response(200)
                    self.end_headers()
                    self.wfile.write(b"<oml:task>")
                    self.wfile.flush()
                    server.released.wait(10)
                    return
                status, body = (200, b"x" * 1000) if page == CUT else page
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body[:10] if page == CUT else body)

            def log_message(self, *_args):
                """Say nothing."""

        return Handler


@contextmanager
def serving():
    server = Server()
    server.thread.start()
    try:
        yield server
    finally:
        server.released.set()
        server.httpd.shutdown()
        server.httpd.server_close()
        server.thread.join()


def error(code, message):
    return f"<oml:error {XML}><oml:code>{code}</oml:code><oml:message>{message}</oml:message></oml:error>"


def task_xml(
    host, *, task=7, data=5, kind=1, target="colour", procedure="crossvalidation", number=1, repeats=1, folds=2
):
    types = {1: "Supervised Classification", 2: "Supervised Regression", 5: "Clustering"}
    return f"""<oml:task {XML}>
<oml:task_id>{task}</oml:task_id><oml:task_type_id>{kind}</oml:task_type_id>
<oml:task_type>{types[kind]}</oml:task_type>
<oml:input name="source_data"><oml:data_set><oml:data_set_id>{data}</oml:data_set_id>
<oml:target_feature>{target}</oml:target_feature></oml:data_set></oml:input>
<oml:input name="estimation_procedure"><oml:estimation_procedure><oml:id>{number}</oml:id>
<oml:type>{procedure}</oml:type><oml:data_splits_url>{host}/splits.arff</oml:data_splits_url>
<oml:parameter name="number_repeats">{repeats}</oml:parameter>
<oml:parameter name="number_folds">{folds}</oml:parameter>
</oml:estimation_procedure></oml:input></oml:task>"""


def suite_xml(*tasks):
    listed = "".join(f"<oml:task_id>{task}</oml:task_id>" for task in tasks)
    return f"""<oml:study {XML}><oml:id>9</oml:id><oml:main_entity_type>task</oml:main_entity_type>
<oml:name>toys</oml:name><oml:description>toys</oml:description><oml:status>active</oml:status>
<oml:creation_date>2020</oml:creation_date><oml:creator>1</oml:creator>
<oml:data><oml:data_id>5</oml:data_id></oml:data><oml:tasks>{listed}</oml:tasks></oml:study>"""


def data_xml(host, *, data=5, md5="", parquet=False, extra=""):
    url = f"<oml:parquet_url>{host}/bucket/data.pq</oml:parquet_url>" if parquet else ""
    checksum = f"<oml:md5_checksum>{md5}</oml:md5_checksum>" if md5 else ""
    return f"""<oml:data_set_description {XML}><oml:id>{data}</oml:id><oml:name>toy</oml:name>
<oml:version>3</oml:version><oml:format>ARFF</oml:format><oml:licence>CC0</oml:licence>
<oml:url>{host}/data.arff</oml:url>{url}{checksum}
<oml:default_target_attribute>colour</oml:default_target_attribute>{extra}
</oml:data_set_description>"""


def features_xml(table, nominal):
    rows = []
    for index, name in enumerate(table.columns):
        values = "".join(f"<oml:nominal_value>{v}</oml:nominal_value>" for v in nominal.get(name, ()))
        kind = "nominal" if name in nominal else "numeric"
        rows.append(
            f"<oml:feature><oml:index>{index}</oml:index><oml:name>{name}</oml:name>"
            f"<oml:data_type>{kind}</oml:data_type>{values}"
            "<oml:number_of_missing_values>0</oml:number_of_missing_values></oml:feature>"
        )
    return f"<oml:data_features {XML}>{''.join(rows)}</oml:data_features>"


def arff(table, nominal):
    head = [
        f"@attribute {name} " + ("{" + ",".join(nominal[name]) + "}" if name in nominal else "numeric")
        for name in table.columns
    ]
    rows = table.astype(object).where(table.notna(), "?").to_csv(index=False, header=False)
    return "@relation toy\n" + "\n".join(head) + "\n@data\n" + rows


def parquet(table, nominal):
    typed = table.astype(dict.fromkeys(nominal, "category"))
    buffer = io.BytesIO()
    typed.to_parquet(buffer, index=False)
    return buffer.getvalue()


def splits_arff(lines):
    head = (
        "@relation splits\n@attribute type {TRAIN,TEST}\n@attribute rowid INTEGER\n"
        "@attribute repeat INTEGER\n@attribute fold INTEGER\n@data\n"
    )
    return head + "".join(f"{kind},{row},{repeat},{fold}\n" for kind, row, repeat, fold in lines)


def split_lines(n, *, repeats=1, folds=2):
    return [
        ("TEST" if (row + repeat) % folds == fold else "TRAIN", row, repeat, fold)
        for repeat in range(repeats)
        for fold in range(folds)
        for row in range(n)
    ]


def toy(n=12):
    """Return a table with a nominal target of which one declared value never occurs, and its nominal values."""
    table = pd.DataFrame(
        {
            "size": [0.5 * i for i in range(n)],
            "count": [i % 4 for i in range(n)],
            "shape": [["round", "flat"][i % 2] for i in range(n)],
            "wet": [["True", "False"][i // 2 % 2] for i in range(n)],
            "colour": [["red", "blue"][i // 3 % 2] for i in range(n)],
        }
    )
    return table, {"shape": ["round", "flat"], "wet": ["True", "False"], "colour": ["red", "green", "blue"]}


def publish_toy(server, *, with_parquet=False, md5=None, rows=12, at=(7, 5), **task):
    """Put the toy task and everything it needs on the server; `at` are the numbers of the task and of the data set."""
    table, nominal = toy(rows)
    body = arff(table, nominal)
    checksum = hashlib.md5(body.encode(), usedforsecurity=False).hexdigest() if md5 is None else md5
    number, data = at
    place = "" if at == (7, 5) else f"/{number}"
    host, api = f"{server.host}{place}", "/api/v1/xml"
    server.page(f"{api}/task/{number}", task_xml(host, task=number, data=data, **task))
    server.page(f"{api}/data/{data}", data_xml(host, data=data, md5=checksum, parquet=with_parquet))
    server.page(f"{api}/data/features/{data}", features_xml(table, nominal))
    server.page(f"{place}/data.arff", body)
    server.page(f"{place}/bucket/data.pq", parquet(table, nominal))
    sizes = {key: task[key] for key in ("repeats", "folds") if key in task}
    server.page(f"{place}/splits.arff", splits_arff(split_lines(len(table), **sizes)))
    return table, nominal
