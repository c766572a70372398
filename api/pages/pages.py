"""All pages below /analyses: those with a name of their own stand before those that are named by an id."""

from fastapi import APIRouter

from api.pages import assets, changing, listing, login, making, showing, streams

PAGES: tuple[APIRouter, ...] = tuple(
    module.router for module in (assets, login, listing, making, streams, showing, changing)
)
