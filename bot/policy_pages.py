"""The policy to read: every version, every clause at an address that stays, and the law beside it, labelled as law."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from bot.look import PACKED, Look, is_fragment
from knowledge.clause import Clause, LawArticle, PolicyVersion, Section


@dataclass(frozen=True, slots=True)
class Part:
    """A heading with its clauses. `level`: of its HTML heading (2..5); `anchor`: unique in the page."""

    section: Section
    level: int
    anchor: str
    clauses: tuple[Clause, ...]


class PolicyPages:
    """The pages of a company's policy. `versions`: oldest first, the last one is in force."""

    def __init__(self, versions: Sequence[PolicyVersion], *, public: bool = False) -> None:
        self.versions: Mapping[str, PolicyVersion] = {str(version.date): version for version in versions}
        self.current = versions[-1]
        self.look = Look(self.current.name, public=public)

    @cached_property
    def routes(self) -> Sequence[Route]:
        """The whole policy, one clause, one article of a law."""
        return (
            Route("/policy", self._policy, middleware=PACKED),
            Route("/policy/{version}", self._policy, middleware=PACKED),
            Route("/policy/{version}/clause/{id}", self._clause),
            Route("/law/{id}", self._law),
        )

    def _policy(self, request: Request) -> Response:
        policy = self._version(request.path_params.get("version"))
        return self.look.page(
            request,
            "policy.html",
            policy=policy,
            parts=outline(policy),
            versions=tuple(self.versions.values())[::-1],
            current=self.current,
            has_official=any(clause.official for clause in policy.clauses.values()),
            law_beside=law_beside(policy),
        )

    def _clause(self, request: Request) -> Response:
        policy = self._version(request.path_params["version"])
        key = request.path_params["id"]
        if key in policy.law:
            return RedirectResponse(f"/law/{key}", 303)
        if key not in policy.clauses:
            raise HTTPException(404)
        clause = policy.clauses[key]
        return self.look.page(
            request,
            "clause.html" if is_fragment(request) else "clause_page.html",
            policy=policy,
            clause=clause,
            cases=[c for c in policy.clauses.values() if c.parent == key],
            lead=policy.clauses.get(clause.parent or ""),
            related=[policy.clauses[i] for i in clause.related if i in policy.clauses],
            law=law_beside(policy)[key],
            current=self.current,
        )

    def _law(self, request: Request) -> Response:
        article = self.current.law.get(request.path_params["id"])
        if article is None:
            raise HTTPException(404)
        return self.look.page(
            request,
            "law.html" if is_fragment(request) else "law_page.html",
            policy=self.current,
            article=article,
            beside=[self.current.clauses[i] for i in article.beside if i in self.current.clauses],
        )

    def _version(self, named: str | None) -> PolicyVersion:
        """The version by its date; the one in force when none is named. Raises HTTPException 404."""
        if named is None:
            return self.current
        if named not in self.versions:
            raise HTTPException(404)
        return self.versions[named]


def outline(policy: PolicyVersion) -> list[Part]:
    """The policy's headings with their clauses in reading order.

    A heading whose id is also a clause's leaves that anchor to the clause.
    """
    parts = []
    for section in policy.sections.values():
        depth, above = 2, section.parent
        while above is not None:
            depth, above = depth + 1, policy.sections[above].parent
        anchor = f"section-{section.id}" if section.id in policy.clauses else section.id
        parts.append(Part(section, min(depth, 5), anchor, tuple(policy.clauses[i] for i in section.clauses)))
    return parts


def law_beside(policy: PolicyVersion) -> Mapping[str, tuple[LawArticle, ...]]:
    """Clause id -> the articles on the same subject: those the clause names, then those that name the clause."""
    return {
        key: tuple(
            [policy.law[i] for i in clause.law if i in policy.law]
            + [article for article in policy.law.values() if key in article.beside and article.id not in clause.law]
        )
        for key, clause in policy.clauses.items()
    }
