"""The pages of the shop, for browsers."""

from http import HTTPStatus

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response

from shop.context import shop, visitor
from shop.goods import PRODUCTS, Held, Refused, search

Page = tuple[str, int]

pages = Blueprint("pages", __name__)


@pages.app_template_filter()
def money(cents: int) -> str:
    """Return an amount in cents as euros."""
    return f"€{cents // 100}.{cents % 100:02}"


@pages.get("/")
def products() -> str:
    words = request.args.get("q", "")
    return render_template("products.html", products=search(words), words=words)


@pages.get("/cart")
def cart() -> str:
    return _cart()


@pages.post("/cart")
def add() -> Response | Page:
    try:
        shop().add(visitor().session, visitor().visit, request.form.get("product", ""))
    except Refused as refused:
        return render_template("problem.html", title="Sorry", alert=str(refused)), _status(refused)
    return _to_cart()


@pages.post("/cart/remove")
def remove() -> Response:
    shop().remove(visitor().session, request.form.get("product", ""))
    return _to_cart()


@pages.post("/cart/coupon")
def redeem() -> Response | Page:
    try:
        shop().redeem(visitor().session, request.form.get("code", ""))
    except Refused as refused:
        return _cart(alert=str(refused)), _status(refused)
    return _to_cart()


@pages.get("/checkout")
def checkout() -> str:
    return render_template("checkout.html")


@pages.post("/checkout")
def order() -> str | Page:
    try:
        placed = shop().order(visitor().session, request.form.get("name", ""), request.form.get("email", ""))
    except Refused as refused:
        return render_template("checkout.html", alert=str(refused)), _status(refused)
    return render_template("thanks.html", order=placed)


@pages.app_errorhandler(NotFound)
def not_found(_: NotFound) -> Page:
    page = render_template("problem.html", title="Not found", alert="There is no such page.")
    return page, HTTPStatus.NOT_FOUND


def _cart(alert: str = "") -> str:
    return render_template("cart.html", cart=shop().cart(visitor().session), products=PRODUCTS, alert=alert)


def _to_cart() -> Response:
    """Redirect the browser, so that a reload of the next page repeats nothing."""
    return redirect(url_for("pages.cart"), HTTPStatus.SEE_OTHER)


def _status(refused: Refused) -> int:
    return HTTPStatus.CONFLICT if isinstance(refused, Held) else HTTPStatus.BAD_REQUEST
