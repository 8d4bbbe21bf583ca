"""The pages in a real Chromium, from files, with JavaScript switched off."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest

from reports import html, index

WITNESS = "M=1, N=3, program 0, lane 3: stores out[3], out has 3 elements (softmax_02.py:14)"


def test_pages_open_from_files(examples, browse, tmp_path):
    records = [examples.refuted(), examples.admitted()]
    page = index.write_run(tmp_path, records)

    shown = browse(page, "--dump-dom")
    assert shown.returncode == 0, shown.stderr
    assert "1 admitted" not in shown.stdout.split("<body>")[0].split("<title>")[0]
    assert WITNESS in shown.stdout

    refuted = browse(tmp_path / f"{index.stem_of(records[0])}.html", "--dump-dom", "--enable-logging=stderr")
    assert refuted.returncode == 0, refuted.stderr
    assert "CONSOLE" not in refuted.stderr  # where a browser says what a page's policy refused
    assert "REFUTED" in refuted.stdout and WITNESS in refuted.stdout


def test_scripts_are_off_in_this_browser(browse, tmp_path):
    """Without this the test above would say nothing about pages that need scripts."""
    page = tmp_path / "script.html"
    page.write_text("<p id=a>plain</p><script>document.getElementById('a').textContent = 'scri' + 'pted'</script>")

    assert '<p id="a">plain</p>' in browse(page, "--dump-dom").stdout


def test_a_hostile_record_opens_too(examples, browse, tmp_path):
    record = examples.hostile("</pre></main><script>document.title='owned'</script><h1>ADMITTED</h1>")
    path = index.write_record(tmp_path, record).with_suffix(".html")

    shown = browse(path, "--dump-dom")

    assert shown.returncode == 0
    assert shown.stdout.count("<h1") == 1 and "<script" not in shown.stdout
    assert "REFUTED" in shown.stdout


def test_pages_print(examples, browse, tmp_path):
    path = index.write_record(tmp_path, examples.refuted()).with_suffix(".html")

    printed = browse(path, f"--print-to-pdf={tmp_path / 'page.pdf'}")

    assert printed.returncode == 0, printed.stderr
    assert (tmp_path / "page.pdf").read_bytes().startswith(b"%PDF")


def test_a_narrow_window_shows_every_page_without_scrolling_sideways(examples, tmp_path):
    """Measured by a script, in a copy of the page that may run one: the page itself may not."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("chromium is not installed, so the pages were not laid out")
    page = html.render(examples.refuted(), json="a.json")
    ask = "<script>document.title = [document.documentElement.scrollWidth, innerWidth].join(' of ')</script></body>"
    copy = tmp_path / "copy.html"
    copy.write_text(re.sub(r"<meta http-equiv[^>]*>", "", page).replace("</body>", ask))
    command = [chromium, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'own'}",
               "--window-size=400,900", "--dump-dom", copy.as_uri()]  # fmt: skip

    shown = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout

    needed, there = map(int, re.search(r"<title>(\d+) of (\d+)</title>", shown).groups())
    assert needed <= there <= 500
