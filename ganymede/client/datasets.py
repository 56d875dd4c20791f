"""`client.datasets`: what can be trained on. Knows the routes under /datasets. Knows no terminal."""

from collections.abc import Iterator

from core.answers import Page
from core.answers.models import DatasetBody
from ganymede.client.connection import Connection, part


class Datasets:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def list(self) -> Iterator[DatasetBody]:
        return (dataset for page in self.pages() for dataset in page.data)

    def pages(self) -> Iterator[Page[DatasetBody]]:
        return self._connection.pages(Page[DatasetBody], "/datasets")

    def get(self, dataset: str) -> DatasetBody:
        return self._connection.get(DatasetBody, f"/datasets/{part(dataset)}")
