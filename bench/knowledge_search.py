"""A search among many passages: by meaning with MiniLM and HNSW, by words with a GIN index, and both put together.

`python -m bench.knowledge_search [passages]`. The model runs in the asking process; over its address add a millisecond or two.
"""

import json
import sys

from bench.figures import percentile
from bench.product import data_folder, web_side
from bench.table import show

MAKE = """
import json, random, time
import numpy as np
from django.db import connection
from django_tenants.utils import schema_context
from apps.compass.knowledge import search
from apps.compass.models import Document, Passage
from embedded.models.embeddings import Embedder

rng, choose = np.random.default_rng(1), random.Random(1)
first, last = "ba de fi go ku la me ni po ru sa te".split(), "lan mor tis gar pen dol rak sun".split()
words = [a + b + c for a in first for b in first for c in last]
often = [1 / (place + 1) for place in range(len(words))]  # as words of a language are spread (Zipf)
embedder = Embedder()
search.embed_question = lambda text, timeout: embedder.embed([text])[0][0].tolist()

def text():
    return " ".join(choose.choices(words, often, k=150))

with schema_context("acme"):
    document = Document.objects.create(source="file", name="Bench", state="ready", generation=1, model=search.embedding_model())
    known = embedder.embed([text() for _ in range(64)])[0]
    for start in range(0, {count}, 1000):
        mixed = rng.random((1000, 64), dtype=np.float32) ** 8 @ known
        mixed /= np.linalg.norm(mixed, axis=1, keepdims=True)
        Passage.objects.bulk_create([
            Passage(document=document, generation=1, position=start + n, text=text(), tokens=200, digest="", embedding=mixed[n])
            for n in range(1000)
        ])
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE compass_passage; ANALYZE compass_document")
    questions = [" ".join(choose.choices(words, often, k=6)) for _ in range(120)]
    took, models = [], []
    for question in questions:
        began = time.perf_counter()
        search.embed_question(question, 1)
        models.append(time.perf_counter() - began)
        began = time.perf_counter()
        search.knowledge_search(question)
        took.append(time.perf_counter() - began)
print(json.dumps([models[20:], took[20:]]))
"""


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    with data_folder() as folder, web_side(folder) as side:
        model, whole = json.loads(side.python(MAKE.replace("{count}", str(count))).splitlines()[-1])
    rows = [
        [name, percentile(values, 50) * 1000, percentile(values, 95) * 1000]
        for name, values in (("of which the question's vector", model), ("search, vector included", whole))
    ]
    show(f"A search among {count:,} passages", ["what", "p50 ms", "p95 ms"], rows)


if __name__ == "__main__":
    main()
