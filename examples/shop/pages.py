"""The small web shop under test: its pages."""

from collections.abc import Sequence
from html import escape

from shop.goods import PRODUCTS, Cart, Order, Product

_STYLE = """
body { font-family: system-ui, sans-serif; max-width: 44rem; margin: 2rem auto; padding: 0 1rem; color: #222 }
header { display: flex; gap: 1.5rem; align-items: baseline; border-bottom: 1px solid #ddd }
ul, table { padding: 0; width: 100% } li, tr { display: flex; gap: 1rem; padding: .4rem 0; align-items: center }
li span, td:first-child { flex: 1 } [role=alert] { color: #a00 } label { display: block; margin: .6rem 0 }
"""


def money(cents: int) -> str:
    return f"€{cents // 100}.{cents % 100:02}"


def products(found: Sequence[Product], words: str) -> str:
    items = "".join(
        f"<li><span>{escape(product.name)}</span><b>{money(product.price)}</b>"
        f'<form method="post" action="/cart"><input type="hidden" name="product" value="{product.id}">'
        f'<button aria-label="Add {escape(product.name)} to cart">Add to cart</button></form></li>'
        for product in found
    )
    return _page(
        "Products",
        f'<form role="search"><input type="search" name="q" aria-label="Search" value="{escape(words)}">'
        f"<button>Search</button></form>"
        + (f'<ul aria-label="Products">{items}</ul>' if items else "<p>Nothing found.</p>"),
    )


def cart(chosen: Cart, problem: str = "") -> str:
    rows = "".join(
        f"<tr><td>{count} of {escape(PRODUCTS[product].name)}</td><td>{money(PRODUCTS[product].price * count)}</td>"
        f'<td><form method="post" action="/cart/remove"><input type="hidden" name="product" value="{product}">'
        f'<button aria-label="Remove {escape(PRODUCTS[product].name)}">Remove</button></form></td></tr>'
        for product, count in chosen.items.items()
    )
    if not rows:
        return _page("Cart", "<p>Your cart is empty.</p>", problem)
    return _page(
        "Cart",
        f"<table>{rows}</table><p>Total: <b data-testid='total'>{money(chosen.total)}</b></p>"
        '<form method="post" action="/cart/coupon"><label>Coupon <input name="code"></label><button>Redeem</button>'
        '</form><p><a href="/checkout">Check out</a></p>',
        problem,
    )


def checkout(problem: str = "") -> str:
    return _page(
        "Check out",
        '<form method="post"><label>Name <input name="name"></label><label>E-mail <input name="email"></label>'
        "<button>Order</button></form>",
        problem,
    )


def thanks(order: Order) -> str:
    return _page("Thank you", f"<p>Order {order.number} over {money(order.total)} is on its way.</p>")


def problem(title: str, text: str) -> str:
    return _page(title, "", text)


def _page(title: str, content: str, alert: str = "") -> str:
    told = f'<p role="alert">{escape(alert)}</p>' if alert else ""
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title} · Corner Shop</title>'
        f'<link rel="icon" href="data:,"><style>{_STYLE}</style>'
        f'<header><h2>Corner Shop</h2><a href="/">Products</a><a href="/cart">Cart</a></header>'
        f"<h1>{title}</h1>{told}{content}</html>"
    )
