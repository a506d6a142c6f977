"""The products, the carts and the orders of the shop, in memory."""

import re
from collections import Counter
from dataclasses import dataclass, field
from threading import Lock


@dataclass(frozen=True, slots=True)
class Product:
    """`price` is in cents."""

    id: str
    name: str
    price: int
    last_one: bool = False


PRODUCTS = {
    product.id: product
    for product in (
        Product("mug", "Enamel mug", 1250),
        Product("bowl", "Soup bowl", 1900),
        Product("bottle", "Water bottle", 2400),
        Product("kettle", "Whistling kettle", 4900),
        Product("blanket", "Wool blanket", 7900),
        Product("lamp", "Reading lamp", 10900, last_one=True),
    )
}

COUPON = "WELCOME10"
COUPON_PERCENT = 10

_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


class Refused(Exception):
    """The shop rejects a request. The text is shown to the customer."""


class Held(Refused):
    """Another customer's cart holds the last item. A later request may succeed."""


@dataclass(slots=True)
class Cart:
    """The cart of one session: the count of each product, and how often the coupon was redeemed."""

    items: Counter[str] = field(default_factory=Counter)
    coupons: int = 0

    @property
    def total(self) -> int:
        """Return the total in cents."""
        goods = sum(PRODUCTS[product].price * count for product, count in self.items.items())
        # The bug that the checkout suite finds: a coupon that is redeemed twice is subtracted twice.
        return goods * (100 - COUPON_PERCENT * self.coupons) // 100


@dataclass(frozen=True, slots=True)
class Order:
    """`total` is in cents."""

    number: int
    total: int


class Shop:
    """The state of the shop. Each session has its own cart, so suites that run at the same time do not interfere."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._carts: dict[str, Cart] = {}
        self._refused_once: set[str] = set()
        self._last_order = 1000

    def cart(self, session: str) -> Cart:
        with self._lock:
            return self._carts.setdefault(session, Cart())

    def add(self, session: str, visit: str, product: str, count: int = 1) -> Cart:
        """Put a product into the cart.

        The first try of each visit to add the last item of a product fails, as if another customer had been faster.
        The checkout suite therefore has a flaky case. A visit may span several sessions.

        Raises:
            Refused: the shop does not sell the product, or not in this count.
            Held: another customer's cart holds the last item.
        """
        if product not in PRODUCTS:
            raise Refused("We do not sell that.")
        if not 1 <= count <= 10:  # noqa: PLR2004  # the message names the limits
            raise Refused("Please choose 1 to 10.")
        with self._lock:
            if PRODUCTS[product].last_one and visit not in self._refused_once:
                self._refused_once.add(visit)
                raise Held("Another customer has the last one in the cart. Please try again.")
            cart = self._carts.setdefault(session, Cart())
            cart.items[product] += count
            return cart

    def remove(self, session: str, product: str) -> Cart:
        cart = self.cart(session)
        cart.items.pop(product, None)
        return cart

    def redeem(self, session: str, code: str) -> Cart:
        """Redeem a coupon for the cart.

        Raises:
            Refused: the code is wrong.
        """
        if code.strip().upper() != COUPON:
            raise Refused("We do not know that coupon.")
        cart = self.cart(session)
        cart.coupons += 1
        return cart

    def order(self, session: str, name: str, email: str) -> Order:
        """Order the content of the cart, and empty the cart.

        Raises:
            Refused: the cart or the name is empty, or the e-mail address is not valid.
        """
        if not name.strip():
            raise Refused("Please enter your name.")
        if not _EMAIL.fullmatch(email):
            raise Refused("Please give a valid e-mail address.")
        with self._lock:
            cart = self._carts.get(session)
            if not cart or not cart.items:
                raise Refused("Your cart is empty.")
            del self._carts[session]
            self._last_order += 1
            return Order(self._last_order, cart.total)


def search(words: str) -> list[Product]:
    """Return the products whose names contain `words`, in any case."""
    wanted = words.strip().casefold()
    return [product for product in PRODUCTS.values() if wanted in product.name.casefold()]
