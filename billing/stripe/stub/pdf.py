"""A page of text as a PDF (ISO 32000-1): all that an invoice of the stub's needs."""

from collections.abc import Iterable

A4 = "0 0 595 842"


def render(title: str, lines: Iterable[str]) -> bytes:
    """In a font that every reader has, and its characters: what Windows-1252 lacks is a question mark."""
    shown = b"".join(b"(%s) Tj T*\n" % _escape(line) for line in lines)
    text = b"BT /F 18 Tf 56 770 Td 36 TL (%s) Tj T*\n/F 11 Tf 18 TL\n%sET" % (_escape(title), shown)
    font = b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>"
    objects = (
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [%s] /Contents 4 0 R /Resources << /Font << /F 5 0 R >> >> >>"
        % A4.encode(),
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(text), text),
        font,
    )
    written, offsets = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, 1):
        offsets.append(len(written))
        written += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    size, start = len(objects) + 1, len(written)
    end = b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (size, start)
    return written + b"xref\n0 %d\n0000000000 65535 f \n%s" % (size, table) + end


def _escape(text: str) -> bytes:
    plain = text.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)")
    return plain.encode("cp1252", errors="replace")
