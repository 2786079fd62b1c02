"""The sections of the site. Another one is a function that makes its pages, and a line here.

A section without pages (no submissions yet, say) does not appear in the navigation.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from zoo.leaderboard.site.front_pages import methods, overview
from zoo.leaderboard.site.gather import Page, Progress, Site
from zoo.leaderboard.site.paper_pages import paper_pages
from zoo.leaderboard.site.submission_pages import submission_pages
from zoo.leaderboard.site.task_pages import task_pages
from zoo.leaderboard.site.transfer_pages import transfer_pages
from zoo.leaderboard.site.zoo_pages import dataset_pages, family_pages, feature_pages


@dataclass(frozen=True)
class Section:
    """Pages under one entry of the navigation, which leads to the first of them."""

    key: str
    title: str
    pages: Callable[[Site, Progress], list[Page]]


SECTIONS = [
    Section("overview", "Overview", lambda site, progress: overview(site)),
    Section("tasks", "Tasks", task_pages),
    Section("features", "Descriptors", lambda site, progress: feature_pages(site)),
    Section("models", "Models", lambda site, progress: family_pages(site)),
    Section("data", "Data", dataset_pages),
    Section("papers", "Papers", lambda site, progress: paper_pages(site)),
    Section("transfer", "Transfer", lambda site, progress: transfer_pages(site)),
    Section("submissions", "Submissions", lambda site, progress: submission_pages(site)),
    Section("methods", "How scores are made", lambda site, progress: methods(site)),
]
