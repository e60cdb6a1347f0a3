//! Pages as scrapers read them: forms and fields by a real HTML parser, elements by id.

use scraper::{ElementRef, Html, Selector};

/// A page, read into what the tests ask about. (The parser's own tree cannot cross threads, so it is not kept.)
#[derive(Debug, Clone)]
pub struct Page {
    /// Text of `title`.
    pub title: String,
    /// All forms in their order.
    pub forms: Vec<Form>,
    elements: Vec<Element>,
}

/// A form.
#[derive(Debug, Clone)]
pub struct Form {
    /// `id`, empty without one.
    pub id: String,
    /// `name`, empty without one.
    pub name: String,
    /// `action` as written.
    pub action: String,
    /// `method` in lower case.
    pub method: String,
    /// Inputs in their order.
    pub inputs: Vec<Input>,
}

/// An `input` element.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Input {
    /// `name`; none when the attribute is missing.
    pub name: Option<String>,
    /// `id`, empty without one.
    pub id: String,
    /// `type` in lower case, `text` without one.
    pub kind: String,
    /// `value`; none when the attribute is missing.
    pub value: Option<String>,
}

#[derive(Debug, Clone)]
struct Element {
    id: String,
    name: String,
    text: String,
    attributes: Vec<(String, String)>,
}

impl Page {
    /// Reads a page as browsers do: nothing is an error.
    pub fn read(html: &str) -> Page {
        let document = Html::parse_document(html);
        let title = select(&document, "title")
            .next()
            .map(text)
            .unwrap_or_default();
        let forms = select(&document, "form").map(form).collect();
        let elements = select(&document, "[id]").map(element).collect();
        Page {
            title,
            forms,
            elements,
        }
    }

    /// Whether there is an element with this id.
    pub fn has(&self, id: &str) -> bool {
        self.by_id(id).is_some()
    }

    /// The text within an element, with the white space at its ends removed.
    pub fn text(&self, id: &str) -> Option<&str> {
        self.by_id(id).map(|element| element.text.trim())
    }

    /// An attribute of an element.
    pub fn attribute(&self, id: &str, name: &str) -> Option<&str> {
        let attributes = &self.by_id(id)?.attributes;
        attributes
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    /// The name of an element's tag.
    pub fn tag(&self, id: &str) -> Option<&str> {
        self.by_id(id).map(|element| element.name.as_str())
    }

    /// The form with this id.
    pub fn form(&self, id: &str) -> Option<&Form> {
        self.forms.iter().find(|form| form.id == id)
    }

    /// The form that posts itself to the relying party.
    pub fn hidden_form(&self) -> Option<&Form> {
        self.forms.iter().find(|form| form.name == "hiddenform")
    }

    /// The activity id that an error page tells.
    pub fn activity_id(&self) -> Option<&str> {
        self.text("activityId")
    }

    fn by_id(&self, id: &str) -> Option<&Element> {
        self.elements.iter().find(|element| element.id == id)
    }
}

impl Form {
    /// The value of the input with this name.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.inputs
            .iter()
            .find(|input| input.name.as_deref() == Some(name))
            .and_then(|input| input.value.as_deref())
    }

    /// Every named input with a value, as a browser would send them if nobody typed anything.
    pub fn fields(&self) -> Vec<(String, String)> {
        self.inputs
            .iter()
            .filter(|input| !matches!(input.kind.as_str(), "checkbox" | "submit" | "button"))
            .filter_map(|input| {
                Some((input.name.clone()?, input.value.clone().unwrap_or_default()))
            })
            .collect()
    }
}

fn select<'a>(document: &'a Html, selector: &str) -> impl Iterator<Item = ElementRef<'a>> {
    // The selectors are constants; one that does not parse finds nothing, and the test that needs it fails.
    let selector = Selector::parse(selector).ok();
    selector
        .into_iter()
        .flat_map(|selector| document.select(&selector).collect::<Vec<_>>())
}

fn text(element: ElementRef<'_>) -> String {
    element.text().collect()
}

fn attribute(element: ElementRef<'_>, name: &str) -> Option<String> {
    element.value().attr(name).map(str::to_owned)
}

fn element(element: ElementRef<'_>) -> Element {
    Element {
        id: attribute(element, "id").unwrap_or_default(),
        name: element.value().name().to_owned(),
        text: text(element),
        attributes: element
            .value()
            .attrs()
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect(),
    }
}

fn form(element: ElementRef<'_>) -> Form {
    let inputs = Selector::parse("input").ok();
    Form {
        id: attribute(element, "id").unwrap_or_default(),
        name: attribute(element, "name").unwrap_or_default(),
        action: attribute(element, "action").unwrap_or_default(),
        method: attribute(element, "method")
            .unwrap_or_default()
            .to_ascii_lowercase(),
        inputs: inputs
            .iter()
            .flat_map(|selector| element.select(selector).map(input).collect::<Vec<_>>())
            .collect(),
    }
}

fn input(element: ElementRef<'_>) -> Input {
    Input {
        name: attribute(element, "name"),
        id: attribute(element, "id").unwrap_or_default(),
        kind: attribute(element, "type")
            .unwrap_or_else(|| "text".to_owned())
            .to_ascii_lowercase(),
        value: attribute(element, "value"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_and_values_are_decoded_as_browsers_do() {
        let page = Page::read(
            "<title>T</title><form name=f id=g method=POST action='/a?b&amp;c'><input type=hidden name=x value='&lt;\"&#xe9;'>\
             <input name=y><input type=checkbox name=z value=1></form><p id=m> hi </p>",
        );
        let form = page.form("g").unwrap();
        assert_eq!(
            (form.action.as_str(), form.method.as_str()),
            ("/a?b&c", "post")
        );
        assert_eq!(form.value("x"), Some("<\"\u{e9}"));
        assert_eq!(form.value("y"), None);
        let fields = [
            ("x".to_owned(), "<\"\u{e9}".to_owned()),
            ("y".to_owned(), String::new()),
        ];
        assert_eq!(form.fields(), fields);
        assert_eq!(
            (page.title.as_str(), page.text("m"), page.tag("m")),
            ("T", Some("hi"), Some("p"))
        );
    }
}
