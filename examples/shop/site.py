"""The small web shop under test: what stands at each address."""

from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from shop import pages
from shop.goods import PRODUCTS, Cart, Held, Refused, Shop, search


@dataclass(frozen=True, slots=True)
class Request:
    """`fields` are those of the query, of a form or of a JSON object."""

    session: str
    visit: str
    path: str
    fields: dict[str, Any]

    def text(self, name: str) -> str:
        value = self.fields.get(name, "")
        return value if isinstance(value, str) else ""


@dataclass(frozen=True, slots=True)
class Answer:
    """A page where `body` is text, JSON otherwise."""

    body: Any = ""
    status: HTTPStatus = HTTPStatus.OK
    headers: dict[str, str] = field(default_factory=dict)


def see(location: str) -> Answer:
    """Send a browser on, so that reloading the next page repeats nothing."""
    return Answer(status=HTTPStatus.SEE_OTHER, headers={"Location": location})


def page_problem(refused: Refused, page: Callable[[str], str]) -> Answer:
    return Answer(page(str(refused)), HTTPStatus.CONFLICT if isinstance(refused, Held) else HTTPStatus.BAD_REQUEST)


def json_problem(refused: Refused) -> Answer:
    status = HTTPStatus.CONFLICT if isinstance(refused, Held) else HTTPStatus.UNPROCESSABLE_ENTITY
    return Answer({"error": str(refused)}, status)


class Site:
    """What stands at each address."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop
        self._routes: dict[tuple[str, str], Callable[[Request], Answer]] = {
            ("GET", "/"): lambda ask: Answer(pages.products(search(ask.text("q")), ask.text("q"))),
            ("GET", "/cart"): lambda ask: Answer(pages.cart(shop.cart(ask.session))),
            ("POST", "/cart"): self._add,
            ("POST", "/cart/remove"): self._remove,
            ("POST", "/cart/coupon"): self._redeem,
            ("GET", "/checkout"): lambda _: Answer(pages.checkout()),
            ("POST", "/checkout"): self._order,
            ("GET", "/health"): lambda _: Answer({"status": "ok"}),
            ("GET", "/api/products"): self._api_products,
            ("GET", "/api/cart"): lambda ask: Answer(self._api_cart(shop.cart(ask.session))),
            ("POST", "/api/cart/items"): self._api_add,
            ("DELETE", "/api/cart/items"): self._api_remove,
            ("POST", "/api/orders"): self._api_order,
        }

    def answer(self, method: str, ask: Request) -> Answer:
        if (route := self._routes.get((method, ask.path))) is not None:
            return route(ask)
        if method == "GET" and (product := PRODUCTS.get(ask.path.removeprefix("/api/products/"))):
            return Answer({"id": product.id, "name": product.name, "price": product.price})
        if ask.path.startswith("/api/"):
            return Answer({"error": "There is nothing here."}, HTTPStatus.NOT_FOUND)
        return Answer(pages.problem("Not found", "There is nothing here."), HTTPStatus.NOT_FOUND)

    def _add(self, ask: Request) -> Answer:
        try:
            self._shop.add(ask.session, ask.visit, ask.text("product"))
        except Refused as refused:
            return page_problem(refused, lambda text: pages.problem("Sorry", text))
        return see("/cart")

    def _remove(self, ask: Request) -> Answer:
        self._shop.remove(ask.session, ask.text("product"))
        return see("/cart")

    def _redeem(self, ask: Request) -> Answer:
        try:
            self._shop.redeem(ask.session, ask.text("code"))
        except Refused as refused:
            return page_problem(refused, lambda text: pages.cart(self._shop.cart(ask.session), text))
        return see("/cart")

    def _order(self, ask: Request) -> Answer:
        try:
            order = self._shop.order(ask.session, ask.text("name"), ask.text("email"))
        except Refused as refused:
            return page_problem(refused, pages.checkout)
        return Answer(pages.thanks(order))

    def _api_products(self, ask: Request) -> Answer:
        found = search(ask.text("q"))
        return Answer([{"id": product.id, "name": product.name, "price": product.price} for product in found])

    def _api_add(self, ask: Request) -> Answer:
        count = ask.fields.get("count", 1)
        try:
            cart = self._shop.add(ask.session, ask.visit, ask.text("product"), count if type(count) is int else 0)
        except Refused as refused:
            return json_problem(refused)
        return Answer(self._api_cart(cart), HTTPStatus.CREATED)

    def _api_remove(self, ask: Request) -> Answer:
        return Answer(self._api_cart(self._shop.remove(ask.session, ask.text("product"))))

    def _api_order(self, ask: Request) -> Answer:
        try:
            order = self._shop.order(ask.session, ask.text("name"), ask.text("email"))
        except Refused as refused:
            return json_problem(refused)
        return Answer({"number": order.number, "total": order.total}, HTTPStatus.CREATED)

    @staticmethod
    def _api_cart(cart: Cart) -> dict[str, Any]:
        return {"items": dict(cart.items), "total": cart.total}
