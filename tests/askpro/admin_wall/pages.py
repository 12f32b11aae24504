"""Every address of the admin, from the resolver: a page added later comes by itself."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.contrib import admin
from django.contrib.contenttypes.models import ContentType
from django.db import models
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from django.urls.resolvers import RegexPattern

from tests.askpro.admin_wall.world import World

PARAMETER = re.compile(r"<(?:\w+:)?(\w+)>")
RANDOM_ID = "01890000-0000-7000-8000-00000000beef"
MALFORMED = "no_such_id"


@dataclass(frozen=True)
class Route:
    """One pattern below /admin/."""

    path: str
    name: str | None
    model: type[models.Model] | None

    @property
    def parameters(self) -> set[str]:
        return set(PARAMETER.findall(self.path))


def routes() -> list[Route]:
    """Return the patterns of the admin."""
    found = [
        one for one in _walk(get_resolver(), "/") if one.path.startswith("/admin/")
    ]
    assert len(found) > 100
    return found


def _walk(resolver: URLResolver, before: str) -> Iterator[Route]:
    for one in resolver.url_patterns:
        if isinstance(one, URLResolver):
            yield from _walk(one, before + str(one.pattern))
        elif isinstance(one, URLPattern):
            path = "<app>/" if one.name == "app_list" else str(one.pattern)
            if one.name is None and isinstance(one.pattern, RegexPattern):
                path = "<anything>"
            yield Route(before + path, one.name, _model(before))


def _model(path: str) -> type[models.Model] | None:
    """Return the model whose pages are below this address."""
    parts = path.strip("/").split("/")
    try:
        return apps.get_model(parts[1], parts[2]) if len(parts) == 3 else None
    except LookupError:
        return None


def addresses(route: Route, world: World) -> list[tuple[str, str]]:
    """Return what a stranger would type there: the address, and B's id in it."""
    names = route.parameters
    if not names:
        return [(route.path, "")]
    if names == {"app"}:
        return [(_filled(route, app=label), "") for label in _labels()]
    if names == {"anything"}:
        return [(_filled(route, anything="nirgends/"), "")]
    if names == {"content_type_id", "object_id"}:
        return [
            (_filled(route, content_type_id=kind.pk, object_id=row.pk), str(row.pk))
            for kind, row in _typed(world)
        ]
    if route.model is not None and names <= {"object_id", "id"}:
        rows = world.rows.get(route.model._meta.label, [])[:1]
        (name,) = names
        return [(_filled(route, **{name: row.pk}), str(row.pk)) for row in rows]
    raise AssertionError(f"Say what a stranger would type at {route.path}")


def _filled(route: Route, **values: Any) -> str:
    return PARAMETER.sub(lambda found: str(values[found[1]]), route.path)


def _labels() -> set[str]:
    return {model._meta.app_label for model in admin.site._registry}


def _typed(world: World) -> Iterator[tuple[ContentType, models.Model]]:
    for rows in world.rows.values():
        if rows:
            yield ContentType.objects.get_for_model(rows[0]), rows[0]


def row_routes() -> list[Route]:
    """Return the addresses of single rows."""
    return [
        one
        for one in routes()
        if one.model is not None and one.parameters == {"object_id"}
    ]


def with_id(route: Route, object_id: Any) -> str:
    """Return the address of one row."""
    return _filled(route, object_id=object_id)


def list_of(model: type[models.Model]) -> str:
    """Return the address of a list."""
    options = model._meta
    return reverse(f"admin:{options.app_label}_{options.model_name}_changelist")


def lists() -> list[type[models.Model]]:
    """Return the models that have a list."""
    return sorted(admin.site._registry, key=lambda model: model._meta.label)


def autocompletes() -> Iterator[dict[str, str]]:
    """Return the question of each relation of each model, asked for or not."""
    for model in apps.get_models():
        for one in model._meta.get_fields():
            if getattr(one, "remote_field", None) is not None:
                yield {
                    "app_label": model._meta.app_label,
                    "model_name": str(model._meta.model_name),
                    "field_name": one.name,
                }


def questions(model: type[models.Model], world: World) -> Iterator[tuple[str, str]]:
    """Return what may be asked of a list by its address, and what of B it names."""
    yield "_facets=True", ""
    yield "all=", ""
    yield "_popup=1", ""
    yield "_to_field=company", ""
    page = admin.site._registry[model]
    for position in range(1, len(page.list_display) + 1):
        yield f"o={position}", ""
    if page.date_hierarchy:
        yield f"{page.date_hierarchy}__year=2030", ""
    for word in world.marks.get(model._meta.label, [])[:3]:
        yield f"q={word}", word
    for row in world.rows.get(model._meta.label, [])[:1]:
        yield f"q={row.pk}", str(row.pk)
        yield f"pk={row.pk}", str(row.pk)
    for one in model._meta.concrete_fields:
        if isinstance(one, models.ForeignKey):
            target = world.rows.get(one.related_model._meta.label, [])
            for row in target[:1]:
                yield f"{one.name}__id__exact={row.pk}", str(row.pk)
                yield f"{one.name}={row.pk}", str(row.pk)
