"""httpbin under waitress: `/basic-auth/{user}/{password}`, `/hidden-basic-auth/…`, `/bearer`, `/anything`."""

from httpbin import app  # type: ignore[import-not-found]  # lives in the part's own virtual environment
from serving import serve

serve(app)
