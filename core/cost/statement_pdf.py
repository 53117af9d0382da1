"""The statement as a PDF that an owner can be sent: A4, the heading of the table on each page, pages numbered.

Chinese and Japanese are set in the fonts that every PDF reader brings along (CID), so none has to be installed here.
Imports reportlab (0.2 s): load it in a thread."""

from __future__ import annotations

import io
from collections.abc import Iterable
from decimal import ROUND_DOWN, Decimal
from functools import cache
from itertools import groupby
from typing import Any, Final
from xml.sax.saxutils import escape as xml

from reportlab.lib import colors
from reportlab.lib.enums import TA_RIGHT
from reportlab.lib.pagesizes import A4, landscape
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import cidfonts, pdfmetrics
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Paragraph, SimpleDocTemplate, Spacer, Table, TableStyle

from core.cost.statement import NO_TICKET, TITLE, TOTAL, Entry, Statement, day, month_words, payer_name
from core.i18n import N_, Words
from core.money import CENT, USD, usd
from core.phrases import CATEGORY, label

PAGE: Final = landscape(A4)
MARGIN: Final = 15 * mm
WIDTHS: Final = tuple(  # per cent of what lies between the margins
    share * (PAGE[0] - 2 * MARGIN) / 100 for share in (7.5, 9, 15, 16.5, 8.5, 8.5, 9, 8, 8, 10)
)
HEADINGS: Final = (
    N_("Ticket"),
    N_("Reported / resolved"),
    N_("What"),
    N_("Vendor"),
    N_("Estimate"),
    N_("Bill"),
    N_("Models and speech"),
    N_("Credit to the guest"),
    N_("Staff"),
    N_("Total"),
)
_INK: Final = colors.HexColor("#1f2933")
_SOFT: Final = colors.HexColor("#52606d")
_LINE: Final = colors.HexColor("#cbd2d9")
_BAND: Final = colors.HexColor("#f1f4f7")


def pdf_bytes(statement: Statement, words: Words) -> bytes:
    out = io.BytesIO()
    title = words(TITLE, place=statement.place.name, month=month_words(statement, words))
    document = SimpleDocTemplate(
        out,
        pagesize=PAGE,
        leftMargin=MARGIN,
        rightMargin=MARGIN,
        topMargin=MARGIN,
        bottomMargin=MARGIN + 6 * mm,
        title=title,
        author=statement.company.about.name,
        # Without these two the same statement would never be the same file twice.
        invariant=1,
        pageCompression=1,
    )
    set_ = _Setter(words.language)
    story: list[Any] = [
        set_.paragraph(title, size=16, bold=True),
        set_.paragraph(_subtitle(statement, words), size=9, colour=_SOFT),
        Spacer(1, 5 * mm),
        *_summary(statement, words, set_),
        Spacer(1, 5 * mm),
    ]
    if statement.entries or statement.found.other_models:
        story.append(_table(statement, words, set_))
        story += [Spacer(1, 3 * mm), set_.paragraph(_fine_print(statement, words), size=7.5, colour=_SOFT)]
    else:
        story.append(set_.paragraph(words(N_("Nothing happened here that cost anything.")), size=11))
    document.build(story, canvasmaker=_numbered(words, set_))
    return out.getvalue()


def _subtitle(statement: Statement, words: Words) -> str:
    return words(
        N_("{company} · {city} · all amounts in US dollars · made on {date}"),
        company=statement.company.about.name,
        city=statement.place.city,
        date=day(statement.made_at, statement),
    )


def _summary(statement: Statement, words: Words, set_: _Setter) -> list[Any]:
    lines = [
        (words(N_("Vendors")), statement.vendor),
        (words(N_("Models and speech")), statement.models),
        (words(N_("Credits to guests")), statement.credit),
        (words(N_("Staff, {minutes} minutes"), minutes=statement.minutes), statement.staff_total),
        (words(TOTAL), statement.total),
    ]
    rows = [
        [set_.paragraph(name, bold=last), set_.paragraph(str(usd(amount)), bold=last, right=True)]
        for name, amount in lines
        for last in [name == lines[-1][0]]
    ]
    table = Table(rows, colWidths=(60 * mm, 30 * mm), hAlign="LEFT")
    table.setStyle(
        TableStyle([("LINEABOVE", (0, -1), (-1, -1), 0.8, _INK), ("BOTTOMPADDING", (0, 0), (-1, -1), 1.5)])
    )
    payers = " · ".join(
        f"{payer_name(payer, words)} {usd(amount)}" for payer, amount in statement.paid_by().items()
    )
    said = (
        [set_.paragraph(words(N_("Who pays the vendors: {payers}"), payers=payers), size=9)] if payers else []
    )
    return [table, Spacer(1, 2 * mm), *said]


def _table(statement: Statement, words: Words, set_: _Setter) -> Table:
    rows = [[set_.paragraph(words(one), size=8, bold=True, right=at > 3) for at, one in enumerate(HEADINGS)]]
    rows += [_row(one, statement, words, set_) for one in statement.entries]
    # Rounded down above, so that what is left, never less than nothing, makes the column add up.
    rest = usd(statement.models) - sum((_down(one.models) for one in statement.entries), Decimal(0))
    if rest:
        rows.append(_sums(words(NO_TICKET), rest, None, None, rest, set_))
    sums = (statement.models, statement.credit, statement.staff_total, statement.total)
    rows.append(_sums(words(TOTAL), *sums, set_, bold=True))
    table = Table(rows, colWidths=WIDTHS, repeatRows=1)
    table.setStyle(
        TableStyle(
            [
                ("VALIGN", (0, 0), (-1, -1), "TOP"),
                ("BACKGROUND", (0, 0), (-1, 0), _BAND),
                ("LINEBELOW", (0, 0), (-1, -2), 0.4, _LINE),
                ("LINEABOVE", (0, -1), (-1, -1), 0.8, _INK),
                ("LEFTPADDING", (0, 0), (-1, -1), 3),
                ("RIGHTPADDING", (0, 0), (-1, -1), 3),
            ]
        )
    )
    return table


def _row(one: Entry, statement: Statement, words: Words, set_: _Setter) -> list[Any]:
    what = label(CATEGORY, one.category, words)
    vendor = statement.vendors_of(one)
    if one.estimate is not None and one.charge_to is not None:
        vendor += f" ({payer_name(one.charge_to, words)})"
    staff = f"{statement.staff(one)} ({one.minutes} min)" if one.minutes else ""
    dates = [day(one.opened, statement), day(one.resolved, statement)]
    total = one.vendor + _down(one.models) + one.credit + statement.staff(one)
    texts = (one.ticket_id, " / ".join(filter(None, dates)), what, vendor)
    amounts = (
        _both(one.estimate_local, one.estimate, statement),
        _both(one.bill_local, one.bill, statement),
        _money(_down(one.models)),
        _money(one.credit),
        staff,
    )
    return [
        *(set_.paragraph(text, size=8) for text in texts),
        *(set_.paragraph(text, size=8, right=True) for text in (*amounts, str(usd(total)))),
    ]


def _sums(
    name: str,
    models: Decimal,
    credit: Decimal | None,
    staff: Decimal | None,
    total: Decimal,
    set_: _Setter,
    *,
    bold: bool = False,
) -> list[Any]:
    amounts = (_money(models), _money(credit), _money(staff), str(usd(total)))
    return [
        set_.paragraph(name, size=8, bold=bold),
        *[""] * 5,
        *(set_.paragraph(text, size=8, bold=bold, right=True) for text in amounts),
    ]


def _fine_print(statement: Statement, words: Words) -> str:
    return words(
        N_(
            "Vendors count in the month in which they were authorised, with their bill or, until it is there, the estimate; models by the day of the call; credits and staff ({hourly} an hour) in the month in which the ticket was closed. Fractions of a cent stand under “{no_ticket}”."
        ),
        hourly=words.money(statement.company.about.staff_hourly_usd),
        no_ticket=words(NO_TICKET),
    )


def _down(amount: Decimal) -> Decimal:
    return amount.quantize(CENT, ROUND_DOWN)


def _both(local: Decimal | None, dollars: Decimal | None, statement: Statement) -> str:
    """As it was said there, dollars behind."""
    if statement.place.currency == USD or local is None or not dollars:
        return _money(dollars)
    return f"{local:,} {statement.place.currency} ({usd(dollars)})"


def _money(amount: Decimal | None) -> str:
    return str(usd(amount)) if amount else ""


# --- setting type


@cache
def _cid(name: str) -> str:
    # reportlab 4 gives the traditional font the simplified fonts' encoding, which no reader knows for it.
    cidfonts.defaultUnicodeEncodings["MSung-Light"] = ("cht", "UniCNS-UCS2-H")
    pdfmetrics.registerFont(cidfonts.UnicodeCIDFont(name))
    return name


class _Setter:
    """Paragraphs in which each run of signs stands in a font that has them."""

    def __init__(self, language: str) -> None:
        self._cjk = "HeiseiKakuGo-W5" if language == "ja" else "MSung-Light"

    def paragraph(
        self,
        text: str,
        *,
        size: float = 9,
        bold: bool = False,
        right: bool = False,
        colour: colors.Color = _INK,
    ) -> Paragraph:
        style = ParagraphStyle(
            "p",
            fontName="Helvetica-Bold" if bold else "Helvetica",
            fontSize=size,
            leading=size * 1.25,
            textColor=colour,
            alignment=TA_RIGHT if right else 0,
            splitLongWords=1,
            # Without it reportlab breaks lines at spaces alone, and a Chinese name has none.
            wordWrap=None if text.isascii() else "CJK",
        )
        return Paragraph("".join(self._runs(text)), style)

    def _runs(self, text: str) -> Iterable[str]:
        for western, signs in groupby(text, _is_western):
            run = xml("".join(signs))
            yield run if western else f'<font name="{_cid(self._cjk)}">{run}</font>'

    def draw_right(self, canvas: Canvas, text: str) -> None:
        """In the foot of the page, right-aligned."""
        paragraph = self.paragraph(text, size=8, right=True, colour=_SOFT)
        width = PAGE[0] - 2 * MARGIN
        paragraph.wrapOn(canvas, width, 10 * mm)
        paragraph.drawOn(canvas, MARGIN, MARGIN - 2 * mm)


def _is_western(sign: str) -> bool:
    """The 14 standard fonts have what Windows-1252 has."""
    try:
        sign.encode("cp1252")
    except UnicodeEncodeError:
        return False
    return True


def _numbered(words: Words, set_: _Setter) -> type[Canvas]:
    """A canvas that knows how many pages there are before it writes the first number."""

    class Numbered(Canvas):  # type: ignore[misc]
        def __init__(self, *args: Any, **more: Any) -> None:
            super().__init__(*args, **more)
            self._pages: list[dict[str, Any]] = []

        def showPage(self) -> None:
            self._pages.append(dict(self.__dict__))
            self._startPage()

        def save(self) -> None:
            for number, page in enumerate(self._pages, 1):
                self.__dict__.update(page)
                set_.draw_right(
                    self, words(N_("Page {page} of {pages}"), page=number, pages=len(self._pages))
                )
                Canvas.showPage(self)
            Canvas.save(self)

    return Numbered
