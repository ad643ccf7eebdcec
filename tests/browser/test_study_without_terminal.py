"""A whole study in a browser: a researcher makes, runs, reports, pays for and deletes it.

The server is `study serve`, whose own thread runs the background jobs. Everything is clicked by its
visible name, as a user would.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from zipfile import ZipFile

import pytest
from playwright.sync_api import Browser, FilePayload, Locator, Page, expect

from study_server.storage.engine import write_transaction
from study_server.studies import researchers
from tests.browser.accessibility import require_accessible
from tests.databases import open_prepared
from tests.faults.servers import Server, started
from tests.study_server.creation.zips import read_names, write_zip

pytestmark = pytest.mark.slow(120)

PASSWORD = "a long enough password"
SIZES = [(1366, 768), (390, 844)]
PHOTO, COPY = "photo-000.png", "photo-001.png"
METHODS = ("real", "gan", "flow")
JOB_MS = 60_000  # a job starts within 5 s, and then starts a process of its own


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """Run the server, with Ada's account and no study."""
    engine = open_prepared(f"sqlite:///{tmp_path / 'study.sqlite'}")
    with write_transaction(engine) as db:
        researchers.add_researcher(db, "ada", researchers.hash_password(PASSWORD))
    server = Server(tmp_path, engine.url.render_as_string(hide_password=False))
    engine.dispose()
    with started(server):
        yield server


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_a_study_is_run_from_its_images_to_its_deletion(
    size: tuple[int, int], page: Page, browser: Browser, server: Server, tmp_path: Path
) -> None:
    page.set_viewport_size({"width": size[0], "height": size[1]})
    sign_in(page, server)
    create(page)
    upload_and_accept(page, zip_with_copies(tmp_path))
    edit_protocol(page)
    fill_in_texts(page)
    rehearse(page)
    freeze(page)
    link = open_for_prolific(page)
    code = take_part(browser, link)
    close(page)
    make_report(page)
    publish(page)
    pay(page, code)
    delete(page)
    assert list_leftovers(tmp_path / "instance") == []


def list_leftovers(instance: Path) -> list[Path]:
    """Return what the deleted study has left in the folders of stimuli, uploads and reports."""
    return [
        file for name in ("stimuli", "uploads", "reports") for file in (instance / name).glob("*")
    ]


def sign_in(page: Page, server: Server) -> None:
    page.goto(f"{server.address}/researcher")
    page.get_by_label("Name").fill("ada")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()


def create(page: Page) -> None:
    page.get_by_role("link", name="New study").click()
    page.get_by_label("Title").fill("Faces")
    page.get_by_role("radio", name="Image translation: which is fake?").check()
    page.get_by_role("button", name="Create the study").click()
    require_saved(page, "The study was created")


def zip_with_copies(folder: Path) -> Path:
    """Write a zip of four images by each method, in which one photograph is there twice."""
    names = read_names(folder / "images", 4, METHODS)
    return write_zip(folder / "faces.zip", names | {f"real/{COPY}": names[f"real/{PHOTO}"]})


def upload_and_accept(page: Page, file: Path) -> None:
    page.get_by_label("Zip file").set_input_files(file)
    page.get_by_role("button", name="Upload and check").click()
    expect(page.get_by_role("heading", name="Warning: duplicate")).to_be_visible(timeout=JOB_MS)
    page.get_by_label("Why do you accept it?").fill("They are twins.")
    page.get_by_role("button", name="Accept and import").click()
    image = page.get_by_role("img", name=f"gan of {PHOTO[:-4]}")
    image.wait_for(state="attached", timeout=JOB_MS)
    image.scroll_into_view_if_needed()  # it is loaded when it comes into view
    expect(image).to_be_visible()


def edit_protocol(page: Page) -> None:
    open_page(page, "Protocol")
    page.get_by_label("Methods per participant").select_option("within")
    page.get_by_role("button", name="Save the protocol").click()
    require_saved(page, "Saved: assignment")


def fill_in_texts(page: Page) -> None:
    go_to_next_step(page, "Wording")
    for field in page.get_by_role("textbox", name="Text").all():
        text = field.input_value()
        field.fill(re.sub(r"\[\.\.\.[^]]*\]", "Ada", text))
    page.get_by_role("button", name="Save all texts").last.click()
    require_saved(page, "Saved: Consent (English)")
    expect(page.get_by_text("Nothing is left to fill in.")).to_be_visible()


def rehearse(page: Page) -> None:
    go_to_next_step(page, "Rehearsal")
    page.get_by_role("spinbutton", name="Participants").fill("3")
    page.get_by_role("button", name="Simulate").click()
    done = page.get_by_text("3 participants have been simulated")
    expect(done).to_be_visible(timeout=JOB_MS)


def freeze(page: Page) -> None:
    go_to_next_step(page, "Freeze")
    page.get_by_label("Planned participants").fill("2")
    open_details(page, "Freeze the design")
    page.get_by_role("button", name="Freeze the design now").click()
    require_saved(page, "The design is frozen")


def open_for_prolific(page: Page) -> str:
    """Open the study, and return the link that is pasted on Prolific, as Prolific fills it in."""
    go_to_next_step(page, "Recruit")
    page.get_by_role("button", name="Open", exact=True).click()
    require_saved(page, "The study is open")
    open_details(page, "Prolific")
    link = page.get_by_role("group").get_by_text("PROLIFIC_PID=").inner_text()
    return re.sub(r"{{%([A-Z_]+)%}}", r"\1-1", link)


def take_part(browser: Browser, link: str) -> str:
    """Answer the study at a computer, and return the completion code."""
    context = browser.new_context(viewport={"width": 1366, "height": 768})
    page = context.new_page()
    page.goto(link)
    page.get_by_role("checkbox").check()
    page.get_by_role("button", name="Take part").click()
    for answer in ("Yes, as far as I know", "No, or I have turned it off"):
        page.get_by_role("radio", name=answer).check()
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("button", name="Start practice").click()
    thanks = page.get_by_role("heading", name="Thank you, you’re done")
    answer_trials(page, until=thanks)
    code = page.locator("p", has_text="Your completion code").locator("xpath=following::strong[1]")
    text = code.inner_text()
    context.close()
    return text


def answer_trials(page: Page, until: Locator) -> None:
    """Choose the left image of each pair, and continue after practice, until the end."""
    left, go_on = (page.get_by_role("button", name=name) for name in ("Left", "Continue"))
    step = until.or_(left).or_(go_on)
    step.wait_for()
    while not until.is_visible():
        button = left if left.is_visible() else go_on
        button.click()
        button.wait_for(state="hidden")
        step.wait_for()


def close(page: Page) -> None:
    open_details(page, "Close")
    page.get_by_role("button", name="Close the study").click()
    require_saved(page, "The study is closed")


def make_report(page: Page) -> None:
    go_to_next_step(page, "Report")
    page.get_by_role("button", name="Make the report").click()
    report = page.frame_locator("iframe[title='The report on live participants']")
    expect(report.get_by_role("heading", level=1)).to_be_visible(timeout=JOB_MS)
    expect(page.get_by_text("trials of 1 live participant.")).to_be_visible()


def publish(page: Page) -> None:
    """Publish the study, and download it; the next time, the authors are known."""
    open_page(page, "Data")
    page.get_by_label("Authors").fill("Ada Lovelace\nGrace Hopper")
    page.get_by_role("button", name="Publish as a zip file").click()
    require_saved(page, "Requested the publication")
    link = page.get_by_role("link", name="faces.zip", exact=True)
    expect(link).to_be_visible(timeout=JOB_MS)
    with page.expect_download() as download:
        link.click()
    with ZipFile(download.value.path()) as archive:
        assert {"faces/index.html", "faces/stimuli/manifest.csv"} <= set(archive.namelist())
        assert "Hopper" in archive.read("faces/CITATION.cff").decode()
    expect(page.get_by_label("Authors")).to_have_value("Ada Lovelace\nGrace Hopper")
    require_accessible(page)


def pay(page: Page, code: str) -> None:
    """Upload Prolific's list, and download the sheet that says whom to pay."""
    open_page(page, "Pay")
    rows = "Submission id,Participant id,Status,Completion code\n"
    rows += f"SESSION_ID-1,PROLIFIC_PID-1,AWAITING REVIEW,{code}\n"
    file: FilePayload = {"name": "list.csv", "mimeType": "text/csv", "buffer": rows.encode()}
    page.get_by_label("CSV file from Prolific").set_input_files(file)
    page.get_by_role("button", name="Show whom to pay").click()
    expect(page.get_by_label("Action for SESSION_ID-1")).to_have_value("pay")
    with page.expect_download() as download:
        page.get_by_role("button", name="Download the sheet").click()
    assert "SESSION_ID-1" in download.value.path().read_text()


def delete(page: Page) -> None:
    open_page(page, "Settings")
    open_details(page, "Delete faces for good")
    page.get_by_label("Type faces to delete it").fill("faces")
    page.get_by_role("button", name="Delete the study").click()
    require_saved(page, "Deleted faces")
    expect(page.get_by_text("No studies yet.")).to_be_visible()


def go_to_next_step(page: Page, title: str) -> None:
    """Follow the link above the page to the step that is next, which has this title."""
    following = page.get_by_text(f"Next: {title}.").locator("..")
    expect(following).to_be_visible()
    link = following.get_by_role("link", name="Go to this step")
    if link.count():
        link.click()


def open_page(page: Page, name: str) -> None:
    pages = page.get_by_role("navigation", name="Pages of this study")
    pages.get_by_role("link", name=name, exact=True).click()


def open_details(page: Page, name: str) -> None:
    """Open the part of a page that a click on this summary unfolds."""
    summary(page, name).click()


def summary(page: Page, name: str) -> Locator:
    return page.locator("summary").filter(has_text=re.compile(f"^{re.escape(name)}$"))


def require_saved(page: Page, message: str) -> None:
    expect(page.get_by_role("status").first).to_contain_text(message)
