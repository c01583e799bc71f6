from __future__ import annotations

import gzip
import json
from base64 import urlsafe_b64encode
from hashlib import sha256
from http import HTTPStatus
from pathlib import Path

import pytest
from werkzeug.test import Client

from tests.unit.web.published import CURRENT
from tests.unit.web.surface import FEED, client_of, get, published

IMMUTABLE = "public, max-age=31536000, immutable"
FRESH = "public, max-age=60"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A shelf on which something is published."""
    return published(tmp_path)


@pytest.fixture
def client(folder: Path) -> Client:
    """Somebody who asks the public surface over that shelf."""
    return client_of(folder)


class TestPublishedBytes:
    """What agents and caches are promised of every file."""

    @pytest.mark.parametrize(
        ("path", "media_type", "caching"),
        [
            (CURRENT, "application/xml; charset=utf-8", FRESH),
            ("v1/feeds/exchange-2019/production/7.xml", "application/xml; charset=utf-8", IMMUTABLE),
            ("v1/mitigations/M0001/2.xml", "application/xml; charset=utf-8", IMMUTABLE),
            ("v1/feeds/index.json", "application/json", FRESH),
            ("v1/trust/anchors.pem", "application/x-pem-file", FRESH),
            ("v1/trust/policy.json", "application/json", FRESH),
            ("v1/trust/crls/root.crl", "application/pkix-crl", FRESH),
            ("v1/schemas/feed.xsd", "application/xml; charset=utf-8", FRESH),
            ("v1/bundles/exchange-2019/production.zip", "application/zip", FRESH),
            ("index.html", "text/html; charset=utf-8", FRESH),
            ("style.css", "text/css; charset=utf-8", FRESH),
            ("icon.svg", "image/svg+xml", FRESH),
        ],
    )
    def test_every_kind_of_file_goes_out_as_it_lies_there(
        self, client: Client, folder: Path, path: str, media_type: str, caching: str
    ) -> None:
        """Byte for byte, with its type, its age, a strong tag and nothing left to guess."""
        answer = get(client, f"/{path}")

        assert answer.status_code == HTTPStatus.OK
        assert answer.data == (folder / path).read_bytes()
        assert answer.headers["Content-Type"] == media_type
        assert answer.headers["Cache-Control"] == caching
        assert answer.headers["Last-Modified"] == "Wed, 20 May 2026 09:30:00 GMT"
        assert answer.headers["ETag"].startswith('"')
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]

    def test_the_compressed_variant_is_another_representation(self, client: Client, folder: Path) -> None:
        """Its own bytes, its own strong tag, and caches are told what it depends on."""
        plain = get(client, FEED)
        packed = get(client, FEED, Accept_Encoding="gzip")

        assert packed.headers["Content-Encoding"] == "gzip"
        assert packed.data == (folder / f"{CURRENT}.gz").read_bytes()
        assert gzip.decompress(packed.data) == plain.data
        assert packed.headers["Content-Length"] == str(len(packed.data))
        assert packed.headers["ETag"] != plain.headers["ETag"]
        assert packed.headers["Vary"] == plain.headers["Vary"] == "Accept-Encoding"
        assert "Content-Encoding" not in plain.headers

    def test_what_cannot_be_compressed_does_not_vary(self, client: Client) -> None:
        """A cache keeps one copy of a bundle, not one for each browser."""
        answer = get(client, "/v1/bundles/exchange-2019/production.zip", Accept_Encoding="gzip")

        assert "Vary" not in answer.headers
        assert "Content-Encoding" not in answer.headers

    def test_head_says_what_get_would(self, client: Client) -> None:
        """The same headers, and no body."""
        full = get(client, FEED)
        head = client.head(FEED)

        assert head.status_code == HTTPStatus.OK
        assert head.data == b""
        assert list(head.headers) == list(full.headers)

    @pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
    def test_nobody_can_do_anything_but_read(self, client: Client, method: str) -> None:
        """405, and which methods there are."""
        answer = client.open(FEED, method=method)

        assert answer.status_code == HTTPStatus.METHOD_NOT_ALLOWED
        assert answer.headers["Allow"] == "GET, HEAD"
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert json.loads(answer.data)["code"] == "http.method_not_allowed"

    def test_a_range_is_not_honoured(self, client: Client) -> None:
        """Documents are small and signed as a whole: half of one is of no use."""
        answer = get(client, FEED, Range="bytes=0-9")

        assert answer.status_code == HTTPStatus.OK
        assert answer.headers["Content-Length"] == str(len(answer.data))

    @pytest.mark.parametrize(
        ("accept", "path"),
        [
            ("", "v1/feeds/index.xml"),
            ("*/*", "v1/feeds/index.xml"),
            ("application/json", "v1/feeds/index.json"),
            ("application/xml", "v1/feeds/index.xml"),
            ("application/xml;q=0.5, application/json", "v1/feeds/index.json"),
        ],
    )
    def test_the_list_of_feeds_comes_in_the_form_asked_for(
        self, client: Client, folder: Path, accept: str, path: str
    ) -> None:
        """XML unless JSON is preferred; caches keep the two apart."""
        answer = get(client, "/v1/feeds/", Accept=accept)

        assert answer.data == (folder / path).read_bytes()
        assert answer.headers["Vary"] == "Accept, Accept-Encoding"

    def test_the_page_lies_at_the_root(self, client: Client, folder: Path) -> None:
        """With a policy that lets it load its own stylesheet and nothing else."""
        answer = get(client, "/")

        assert answer.data == (folder / "index.html").read_bytes()
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'; style-src 'self';" in policy
        assert "frame-ancestors 'none'" in policy
        assert answer.headers["Referrer-Policy"] == "no-referrer"


class TestConditionalRequests:
    """A poll that finds nothing new."""

    def tag(self, client: Client, **headers: str) -> str:
        """The tag of the feed now."""
        return get(client, FEED, **headers).headers["ETag"]

    def test_whoever_holds_these_bytes_is_told_so(self, client: Client) -> None:
        """304 without a body, with what a cache needs to go on."""
        tag = self.tag(client)

        answer = get(client, FEED, If_None_Match=tag)

        assert answer.status_code == HTTPStatus.NOT_MODIFIED
        assert answer.data == b""
        assert answer.headers["ETag"] == tag
        assert answer.headers["Cache-Control"] == FRESH
        assert answer.headers["Vary"] == "Accept-Encoding"
        assert "Content-Type" not in answer.headers

    @pytest.mark.parametrize("form", ['"x", {tag}', "W/{tag}", "*", '"x",W/{tag} ,"y"'])
    def test_lists_weak_tags_and_the_star_match(self, client: Client, form: str) -> None:
        """As RFC 9110 has it, for HEAD as for GET."""
        asked = {"If-None-Match": form.format(tag=self.tag(client))}

        assert client.get(FEED, headers=asked).status_code == HTTPStatus.NOT_MODIFIED
        assert client.head(FEED, headers=asked).status_code == HTTPStatus.NOT_MODIFIED

    def test_a_tag_speaks_of_one_representation_only(self, client: Client) -> None:
        """Who holds the plain bytes and now asks for gzip gets gzip, and the other way round."""
        plain = self.tag(client)
        packed = self.tag(client, Accept_Encoding="gzip")

        crossed = get(client, FEED, If_None_Match=plain, Accept_Encoding="gzip")
        straight = get(client, FEED, If_None_Match=packed, Accept_Encoding="gzip")

        assert crossed.status_code == HTTPStatus.OK
        assert straight.status_code == HTTPStatus.NOT_MODIFIED
        assert straight.headers["ETag"] == packed

    @pytest.mark.parametrize(
        ("date", "status"),
        [
            ("Wed, 20 May 2026 09:30:00 GMT", HTTPStatus.NOT_MODIFIED),
            ("Thu, 21 May 2026 09:30:00 GMT", HTTPStatus.NOT_MODIFIED),
            ("Wed, 20 May 2026 09:29:59 GMT", HTTPStatus.OK),
            ("lately", HTTPStatus.OK),
        ],
    )
    def test_a_date_is_enough_for_those_without_a_tag(
        self, client: Client, date: str, status: HTTPStatus
    ) -> None:
        """Unchanged since then, to the second; what is no date counts for nothing."""
        assert get(client, FEED, If_Modified_Since=date).status_code == status

    def test_a_tag_outweighs_a_date(self, client: Client) -> None:
        """Where both are sent, the date is not even looked at."""
        answer = get(
            client, FEED, If_None_Match='"another"', If_Modified_Since="Thu, 21 May 2026 09:30:00 GMT"
        )

        assert answer.status_code == HTTPStatus.OK

    def test_a_tag_is_a_digest_of_the_very_bytes(self, client: Client) -> None:
        """Two servers behind one name give the same tag without knowing of each other."""
        answer = get(client, "/v1/feeds/exchange-2019/production/7.xml")

        digest = urlsafe_b64encode(sha256(answer.data).digest()).decode().rstrip("=")
        assert answer.headers["ETag"] == f'"{digest}"'
        assert answer.headers["ETag"] == self.tag(client)
