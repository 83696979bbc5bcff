//! SVG: parses a drawing, and checks its limits before anything is drawn.
//!
//! SVG is a language, and its files are untrusted, so only the elements listed here are allowed. No external resource is ever loaded.

use std::{collections::HashMap, iter::successors};

use resvg::usvg::{
    self, Group, ImageHrefResolver, Options, Tree,
    roxmltree::{self, Document, Node, ParsingOptions},
};

use super::{Coding, Header};
use crate::{Format, Reason, Rejection};

const NAMESPACE: &str = "http://www.w3.org/2000/svg";
const GRADIENTS: [&str; 2] = ["linearGradient", "radialGradient"];
/// The allowed elements. Animations are drawn at their beginning.
#[rustfmt::skip] // a list of words
const KNOWN: [&str; 29] = [
    "a", "animate", "animateMotion", "animateTransform", "circle", "clipPath", "defs", "desc", "ellipse", "g",
    "line", "linearGradient", "mask", "metadata", "mpath", "path", "polygon", "polyline", "radialGradient", "rect",
    "script", "set", "stop", "style", "svg", "switch", "symbol", "title", "use",
];

/// A drawing that has passed the limits.
#[derive(Debug)]
pub(crate) struct Drawing {
    pub(crate) tree: Tree,
    /// The number of layers of the size of the picture that are in memory at once.
    pub(crate) layers: u32,
    /// The bytes of all attributes after references are followed, plus a fixed number for each element.
    pub(crate) cost: u32,
}

pub(super) fn read(bytes: &[u8]) -> Result<Header<'_>, Rejection> {
    const MOST_BYTES: usize = 2 << 20;
    const MOST_NODES: u32 = 50_000;
    if bytes.len() > MOST_BYTES {
        return Err(Reason::TooComplex.because(format!("an SVG of more than {MOST_BYTES} bytes")));
    }
    let text = str::from_utf8(bytes).map_err(|_| Reason::Corrupt.because("the SVG is not in UTF-8"))?;
    let text = text.trim_start_matches('\u{feff}');
    if text.contains("<!ENTITY") {
        return Err(Reason::UnsupportedFormat.because("the SVG defines entities"));
    }
    let options = ParsingOptions { allow_dtd: true, nodes_limit: MOST_NODES, ..ParsingOptions::default() };
    let document = Document::parse_with_options(text, options).map_err(|error| {
        let limited = matches!(error, roxmltree::Error::NodesLimitReached);
        if limited { Reason::TooComplex } else { Reason::Corrupt }.because(format!("SVG: {error}"))
    })?;
    let cost = Walk::check(&document)?;
    let nothing = ImageHrefResolver { resolve_data: Box::new(|_, _, _| None), resolve_string: Box::new(|_, _| None) };
    let options = Options { image_href_resolver: nothing, ..Options::default() };
    let tree = Tree::from_xmltree(&document, &options).map_err(|error| {
        let limited = matches!(error, usvg::Error::ElementsLimitReached);
        if limited { Reason::TooComplex } else { Reason::Corrupt }.because(format!("SVG: {error}"))
    })?;
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // which saturate
    let edge = |edge: f32| edge.ceil() as u32;
    let size = (edge(tree.size().width()), edge(tree.size().height()));
    let drawing = Drawing { layers: layers(tree.root()), cost, tree };
    Ok(Header::plain(Format::Svg, size, Coding::Svg(Box::new(drawing))))
}

/// Walks through a document like drawing it would, and follows every reference.
struct Walk<'a, 'input> {
    ids: HashMap<&'a str, Node<'a, 'input>>,
    left: u32,
}

impl<'a, 'input> Walk<'a, 'input> {
    /// Computes the cost of a document, and rejects what is not allowed.
    fn check(document: &'a Document<'input>) -> Result<u32, Rejection> {
        const MOST: u32 = 8 << 20;
        const MOST_COMPARISONS: usize = 20_000_000;
        let root = document.root_element();
        if root.tag_name().name() != "svg" || root.tag_name().namespace() != Some(NAMESPACE) {
            return Err(Reason::UnsupportedFormat.because("the file is XML, but no SVG"));
        }
        let nodes = || document.descendants();
        if nodes().any(|node| node.pi().is_some_and(|found| found.target == "xml-stylesheet")) {
            return Err(Reason::UnsupportedFormat.because("the SVG has its style sheet elsewhere"));
        }
        let ids = nodes().filter_map(|node| Some((node.attribute("id")?, node))).collect();
        let mut walk = Self { ids, left: MOST };
        let mut rules = 0;
        for node in nodes().filter(|node| node.tag_name().namespace() == Some(NAMESPACE)) {
            let name = node.tag_name().name();
            if node.is_element() && !KNOWN.contains(&name) {
                return Err(Reason::UnsupportedFormat.because(format!("the SVG has an element \"{name}\"")));
            }
            let href = node.attributes().find(|found| found.name() == "href").map(|found| found.value().trim());
            if name == "use" && href.is_some_and(|href| !href.starts_with('#')) {
                return Err(Reason::UnsupportedFormat.because("the SVG uses another file"));
            }
            if name == "style" {
                let sheet: String = node.children().filter_map(|child| child.text()).collect();
                rules += walk.check_sheet(&sheet)?;
            }
        }
        // Each rule is matched against each element.
        if rules.saturating_mul(nodes().count()) > MOST_COMPARISONS {
            return Err(Reason::TooComplex.because("the SVG's style sheet has too many rules"));
        }
        walk.visit(root, 0)?;
        Ok(MOST - walk.left)
    }

    /// Counts the rules of a style sheet. They may only refer to gradients, because references in style sheets are not followed here.
    fn check_sheet(&self, sheet: &str) -> Result<usize, Rejection> {
        let to_gradient = |rest: &str| {
            let id =
                rest.split(')').next().unwrap_or_default().trim().trim_matches(['"', '\'']).trim_start_matches('#');
            self.ids.get(id).is_none_or(|node| GRADIENTS.contains(&node.tag_name().name()))
        };
        let lower = sheet.to_ascii_lowercase();
        let plain = !lower.contains("@import") && !sheet.contains('\\');
        let same = lower.matches("url(").count() == sheet.matches("url(").count();
        if plain && same && sheet.split("url(").skip(1).all(to_gradient) {
            return Ok(sheet.matches('{').count());
        }
        Err(Reason::UnsupportedFormat.because("the SVG's style sheet refers to more than gradients"))
    }

    fn visit(&mut self, node: Node<'a, 'input>, depth: u32) -> Result<(), Rejection> {
        const DEEPEST: u32 = 100;
        /// The cost of an element without attributes.
        const ELEMENT: usize = 64;
        let bytes: usize = node.attributes().map(|attribute| attribute.value().len()).sum();
        let left = u32::try_from(bytes + ELEMENT).ok().and_then(|cost| self.left.checked_sub(cost));
        let left = left.filter(|_| depth < DEEPEST);
        self.left = left.ok_or_else(|| Reason::TooComplex.because("the SVG's elements are too many or too deep"))?;
        for value in node.attributes().map(|attribute| attribute.value()) {
            for rest in value.split('#').skip(1) {
                let id = rest.split([')', '"', '\'', ' ', ';']).next().unwrap_or_default();
                if let Some(&target) = self.ids.get(id) {
                    self.visit(target, depth + 1)?;
                }
            }
        }
        node.children().filter(Node::is_element).try_for_each(|child| self.visit(child, depth + 1))
    }
}

/// Counts the layers that drawing a group needs at once.
fn layers(group: &Group) -> u32 {
    let clips = successors(group.clip_path(), |clip| clip.clip_path()).map(|clip| 2 + layers(clip.root())).sum::<u32>();
    let masks = successors(group.mask(), |mask| mask.mask()).map(|mask| 2 + layers(mask.root())).sum::<u32>();
    let inside = group.children().iter().map(|child| match child {
        usvg::Node::Group(group) => layers(group),
        _ => 0,
    });
    u32::from(group.should_isolate()) + (clips + masks).max(inside.max().unwrap_or(0))
}
