"""Unpacks a Bundle, or Parameters with a Bundle, into resources.

A batch response may contain searchsets; deeper nesting is refused, and so is a bundle with more
than `MAX_ENTRIES` entries.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

from sepsis_detect.fhir.modifiers import MODIFIER, RULES, is_modified, refuse_rules
from sepsis_detect.fhir.resource_reader import Reader, Resource, quoted

MAX_ENTRIES = 5_000
PARAMETER, POLICY = "bundle", "on_incoherence"
REQUESTS = ("transaction", "batch")
BUNDLE_TYPES = ("collection", "searchset", "batch-response", *REQUESTS)
METHODS_WITH_RESOURCE = ("POST", "PUT")


class Entry(NamedTuple):
    """One resource.

    Attributes:
        resource: As sent.
        path: Its FHIRPath, such as `Bundle.entry[6].resource`.
        full_url: As sent, empty when absent.
        kind: The resource type.
        key: Name in references: `Patient/p1`, else its full URL, else empty.
        container: The resource that this one is contained in.
    """

    resource: Resource
    path: str
    full_url: str
    kind: str
    key: str
    container: "Entry | None" = None


def unpack(sent: Any, reader: Reader) -> list[Entry]:
    """All resources of a Bundle or of Parameters; problems are added to the reader."""
    kind = sent.get("resourceType") if isinstance(sent, dict) else None
    if kind == "Parameters":
        return _of_parameters(sent, reader)
    if kind == "Bundle":
        return entries(sent, "Bundle", reader)
    reader.problem(
        "fhir.resource_type",
        "$this",
        f"A Bundle, or Parameters that hold one, is expected{_named(kind)}.",
        f"Un Bundle, ou des Parameters qui en contiennent un, est attendu{_named(kind)}.",
    )
    return []


def policy_of(sent: Any) -> str | None:
    """The code of the parameter `on_incoherence`; empty if it is no code, None if absent."""
    listed = sent.get("parameter") if isinstance(sent, dict) else None
    for each in listed if isinstance(listed, list) else ():
        if isinstance(each, dict) and each.get("name") == POLICY:
            code = each.get("valueCode")
            return code if isinstance(code, str) else ""
    return None


def _of_parameters(sent: Resource, reader: Reader) -> list[Entry]:
    found = []
    for parameter, path in reader.elements(sent, "parameter", "Parameters"):
        name = parameter.get("name")
        if name == PARAMETER:
            found.append((parameter.get("resource"), f"{path}.resource"))
        elif name != POLICY:
            reader.problem(
                "fhir.parameter",
                f"{path}.name",
                f"`{quoted(name)}` is not a parameter: use `{PARAMETER}`, `{POLICY}`.",
                f"`{quoted(name)}` n'est pas un paramètre : {PARAMETER}, {POLICY}.",
            )
    if len(found) != 1:
        reader.problem(
            "fhir.parameter",
            "Parameters.parameter",
            f"Exactly one parameter `{PARAMETER}` is expected.",
            f"Un seul paramètre `{PARAMETER}` est attendu.",
        )
        return []
    resource, path = found[0]
    if not isinstance(resource, dict) or resource.get("resourceType") != "Bundle":
        reader.problem(
            "fhir.resource_type",
            path,
            f"The parameter `{PARAMETER}` must hold a Bundle.",
            f"Le paramètre `{PARAMETER}` doit contenir un Bundle.",
        )
        return []
    return entries(resource, path, reader)


def entries(bundle: Resource, path: str, reader: Reader) -> list[Entry]:
    """The resources of one Bundle in order, with those of inner bundles at their position."""
    kind = bundle.get("type")
    if kind not in BUNDLE_TYPES:
        listed = ", ".join(BUNDLE_TYPES)
        reader.problem(
            "bundle.type",
            f"{path}.type",
            f"A Bundle of this type is not read{_named(kind)}: use {listed}.",
            f"Ce type de Bundle n'est pas lu{_named(kind)} : {listed}.",
        )
        return []
    if bundle.get(RULES):
        refuse_rules(path, reader)
        return []
    found = list(_entries(bundle, path, reader, is_outer=True))
    return found if _is_bounded(len(found), path, reader) else []


def _entries(bundle: Resource, path: str, reader: Reader, *, is_outer: bool) -> Iterator[Entry]:
    listed = bundle.get("entry")
    if isinstance(listed, list) and not _is_bounded(len(listed), path, reader):
        return
    _note_pages(bundle, path, reader)
    for index, entry in enumerate(reader.items(bundle, "entry", path)):
        if not isinstance(entry, dict):
            reader.wrong_type(f"{path}.entry[{index}]", "an object", "un objet")
            continue
        if entry.get(MODIFIER) and is_modified(entry, f"{path}.entry[{index}]", reader):
            continue
        resource = entry.get("resource")
        if bundle.get("type") in REQUESTS and not _sends_resource(entry):
            _requests_only(entry, f"{path}.entry[{index}]", reader)
            continue
        if resource is None:
            _note_response(entry, f"{path}.entry[{index}]", reader)
            continue
        at = f"{path}.entry[{index}].resource"
        if not isinstance(resource, dict):
            reader.wrong_type(at, "a resource", "une ressource")
            continue
        kind = resource.get("resourceType")
        if not isinstance(kind, str) or not kind:
            reader.problem(
                "json.missing",
                f"{at}.resourceType",
                "A resource needs its `resourceType`.",
                "Une ressource doit porter son `resourceType`.",
            )
        elif kind == "Bundle":
            yield from _inner(resource, at, reader, is_outer=is_outer)
        else:
            url, id_ = entry.get("fullUrl"), resource.get("id")
            url = url if isinstance(url, str) else ""
            key = f"{kind}/{id_}" if isinstance(id_, str) else _key_of_url(kind, url)
            yield Entry(resource, at, url, kind, key)


def _key_of_url(kind: str, url: str) -> str:
    """`Patient/p1` for the full URL of a resource without an id; else the URL itself."""
    parts = url.split("/_history/")[0].split("/")
    return "/".join(parts[-2:]) if parts[:-1] and parts[-2] == kind else url


def _sends_resource(entry: Resource) -> bool:
    """Whether an entry of a transaction or batch holds the data itself."""
    request = entry.get("request")
    method = request.get("method", "POST") if isinstance(request, dict) else "POST"
    return entry.get("resource") is not None and method in METHODS_WITH_RESOURCE


def _requests_only(entry: Resource, path: str, reader: Reader) -> None:
    request = entry.get("request")
    named = _named(request.get("method")) if isinstance(request, dict) else ""
    reader.problem(
        "bundle.request",
        path,
        f"This entry asks a server for something{named}: send the resource itself.",
        f"Cette entrée demande une action à un serveur{named} : envoyez la ressource elle-même.",
    )


def _is_bounded(n_entries: int, path: str, reader: Reader) -> bool:
    if n_entries > MAX_ENTRIES:
        reader.problem(
            "json.size",
            f"{path}.entry",
            f"{n_entries} entries were sent; at most {MAX_ENTRIES} are accepted.",
            f"{n_entries} entrées envoyées ; {MAX_ENTRIES} au plus sont acceptées.",
        )
    return n_entries <= MAX_ENTRIES


def _inner(bundle: Resource, path: str, reader: Reader, *, is_outer: bool) -> Iterator[Entry]:
    if is_outer:
        yield from _entries(bundle, path, reader, is_outer=False)
        return
    reader.problem(
        "bundle.nested",
        path,
        "A Bundle inside a Bundle inside a Bundle is not read.",
        "Un Bundle dans un Bundle dans un Bundle n'est pas lu.",
    )


def _note_pages(bundle: Resource, path: str, reader: Reader) -> None:
    for link, at in reader.elements(bundle, "link", path):
        if link.get("relation") == "next":
            reader.note(
                "bundle.paged",
                at,
                "This is one page of a longer result: the other pages were not sent.",
                "Ceci est une page d'un résultat plus long : les autres n'ont pas été envoyées.",
            )


def _note_response(entry: Resource, path: str, reader: Reader) -> None:
    """Note an entry without a resource: a failed part of a batch."""
    status = reader.element(entry, "response", path).get("status")
    if isinstance(status, str) and not status.startswith("2"):
        reader.note(
            "bundle.failed_entry",
            f"{path}.response.status",
            "This part of the batch failed: its data are missing.",
            "Cette partie du lot a échoué : ses données manquent.",
        )


def _named(kind: Any) -> str:
    return f" (`{quoted(kind)}`)" if isinstance(kind, str) else ""
