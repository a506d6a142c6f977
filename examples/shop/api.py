"""The JSON API of the shop."""

from http import HTTPStatus
from typing import Any

from flask import Blueprint, request

from shop.context import shop, visitor
from shop.goods import PRODUCTS, Cart, Held, Product, Refused, search

Answer = tuple[dict[str, Any], int]

api = Blueprint("api", __name__)


@api.get("/health")
def health() -> dict[str, str]:
    return {"status": "ok"}


@api.get("/api/products")
def products() -> list[dict[str, Any]]:
    return [_product(found) for found in search(request.args.get("q", ""))]


@api.get("/api/products/<product_id>")
def product(product_id: str) -> Answer:
    found = PRODUCTS.get(product_id)
    return (_product(found), HTTPStatus.OK) if found else not_found(product_id)


@api.get("/api/cart")
def cart() -> dict[str, Any]:
    return _cart(shop().cart(visitor().session))


@api.post("/api/cart/items")
def add() -> Answer:
    count = _fields().get("count", 1)
    count = count if type(count) is int else 0
    return _cart(shop().add(visitor().session, visitor().visit, _text("product"), count)), HTTPStatus.CREATED


@api.delete("/api/cart/items")
def remove() -> dict[str, Any]:
    return _cart(shop().remove(visitor().session, request.args.get("product", "")))


@api.post("/api/orders")
def order() -> Answer:
    placed = shop().order(visitor().session, _text("name"), _text("email"))
    return {"number": placed.number, "total": placed.total}, HTTPStatus.CREATED


@api.errorhandler(Refused)
def refuse(refused: Refused) -> Answer:
    status = HTTPStatus.CONFLICT if isinstance(refused, Held) else HTTPStatus.UNPROCESSABLE_ENTITY
    return {"error": str(refused)}, status


@api.route("/api/<path:_>")
def not_found(_: str) -> Answer:
    return {"error": "There is no such resource."}, HTTPStatus.NOT_FOUND


def _fields() -> dict[str, Any]:
    """Return the fields of the request's JSON object, or no fields if the body is no JSON object."""
    try:
        body = request.get_json(silent=True)
    except RecursionError:  # arrays in arrays, some thousand deep; `silent` covers only text that is no JSON
        return {}
    return body if isinstance(body, dict) else {}


def _text(name: str) -> str:
    value = _fields().get(name, "")
    return value if isinstance(value, str) else ""


def _product(product: Product) -> dict[str, Any]:
    return {"id": product.id, "name": product.name, "price": product.price}


def _cart(cart: Cart) -> dict[str, Any]:
    return {"items": dict(cart.items), "total": cart.total}
