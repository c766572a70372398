"""All pages, room by room: those with a name of their own stand before those that are named by an id."""

from fastapi import APIRouter

from api.pages import assets, login
from api.pages.analyses import changing, listing, making, showing, streams
from api.pages.worlds import browsing as world_browsing
from api.pages.worlds import changing as world_changing
from api.pages.worlds import listing as world_listing
from api.pages.worlds import making as world_making
from api.pages.worlds import showing as world_showing
from api.pages.worlds import streams as world_streams

PAGES: tuple[APIRouter, ...] = tuple(
    module.router
    for module in (
        assets, login,
        listing, making, streams, showing, changing,
        world_listing, world_making, world_streams, world_showing, world_browsing, world_changing,
    )
)  # fmt: skip
