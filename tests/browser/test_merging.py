"""A duplicate found and merged, in a browser."""

from playwright.sync_api import expect


def register(page, window, name: str, phone: str) -> None:
    window.go("/console/customers/new")
    page.fill("#f-name", name)
    page.fill("#f-phone", phone)
    page.get_by_role("button", name="Save").click()
    expect(page.locator("h1")).to_have_text(name)


def test_a_duplicate_is_merged_and_parted_again(window):
    page = window.sign_in().page
    register(page, window, "Merger One", "+996555090909")
    register(page, window, "Merger Two", "+996555090909")
    page.locator("#profile-head summary").click()
    page.get_by_role("link", name="Merge").click()
    page.locator("main a[data-row]", has_text="Merger One").click()
    expect(page.locator("h1")).to_have_text("Merge")
    assert window.faults_of_axe() == []
    page.fill("#f-proof", "Merger Two")
    page.get_by_role("button", name="Merge").click()
    expect(page.locator("h1")).to_have_text("Merger One")
    window.go("/console/customers?q=Merger+Two")
    assert window.overflow() <= 0
