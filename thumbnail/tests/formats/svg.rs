//! Tests SVG, in builds with that feature.

use thumbnail::{Format, Options, Reason};

use super::{decode, make};

/// Makes a drawing of 120 by 80.
fn svg(content: &str) -> Vec<u8> {
    format!(
        r#"<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="120" height="80">{content}</svg>"#
    )
    .into_bytes()
}

fn rejected(content: &str) -> Reason {
    super::reason(&svg(content))
}

#[test]
fn it_is_drawn_as_large_as_it_says() {
    let file = svg(r##"<style>.a{fill:url(#fade)} .b{fill:#00f}</style>
        <defs><linearGradient id="fade"><stop stop-color="#f00"/><stop offset="1" stop-color="#f00"/></linearGradient>
        <clipPath id="left"><rect width="30" height="80"/></clipPath><rect id="box" width="60" height="40"/></defs>
        <use xlink:href="#box" class="a"/><g clip-path="url(#left)"><rect y="40" width="60" height="40" class="b"/></g>"##);
    let made = make(&file, 120);
    assert_eq!((made.source.width, made.source.height, made.source.format), (120, 80, Format::Svg));
    let (width, _, pixels) = decode(&made.thumbnails[0].bytes);
    let at = |x: u32, y: u32| pixels[(y * width + x) as usize];
    assert_eq!((at(10, 10), at(55, 30)), ([255, 0, 0, 255], [255, 0, 0, 255]));
    assert_eq!((at(10, 60), at(40, 60)[3], at(100, 10)[3]), ([0, 0, 255, 255], 0, 0));
    // A transparent drawing becomes a PNG if no other format is requested.
    let made = thumbnail::make(&file, &Options::default()).unwrap();
    assert_eq!(made.thumbnails[0].format, Format::Png);
}

#[test]
fn a_large_one_is_drawn_small() {
    let file = String::from_utf8(svg(r#"<circle cx="2000" cy="1500" r="1000"/>"#)).unwrap();
    let file = file.replace(r#"width="120" height="80""#, r#"viewBox="0 0 4000 3000""#);
    let made = make(file.as_bytes(), 100);
    assert_eq!((made.source.width, made.source.height), (4000, 3000));
    let (width, height, pixels) = decode(&made.thumbnails[0].bytes);
    assert_eq!((width, height), (100, 75));
    assert_eq!((pixels[37 * 100 + 50], pixels[0][3]), ([0, 0, 0, 255], 0));
    let enormous = file.replace("4000 3000", "1e9 1e9");
    assert_eq!(super::reason(enormous.as_bytes()), Reason::TooManyPixels);
}

#[test]
fn nothing_outside_the_file_is_looked_at() {
    for content in [
        r#"<image href="file:///etc/passwd" width="9" height="9"/>"#,
        r#"<image xlink:href="http://127.0.0.1/a.png" width="9" height="9"/>"#,
        r#"<image href="data:image/svg+xml;base64,PHN2Zy8+" width="9" height="9"/>"#,
        r#"<use href="other.svg#a"/>"#,
        r#"<filter id="f"><feImage href="http://127.0.0.1/a.png"/></filter>"#,
        r#"<foreignObject><iframe xmlns="http://www.w3.org/1999/xhtml" src="http://127.0.0.1"/></foreignObject>"#,
        r#"<style>@import "http://127.0.0.1/a.css";</style>"#,
        "<style>rect{fill:URL(http://127.0.0.1/a.svg#b)}</style>",
        "<text>words</text>",
    ] {
        assert_eq!(rejected(content), Reason::UnsupportedFormat, "{content}");
    }
    let file = String::from_utf8(svg("")).unwrap();
    let styled = file.replace("?><svg", r#"?><?xml-stylesheet href="a.css"?><svg"#);
    assert_eq!(super::reason(styled.as_bytes()), Reason::UnsupportedFormat);
    let entity = file.replace("?><svg", r#"?><!DOCTYPE svg [<!ENTITY a SYSTEM "file:///etc/passwd">]><svg"#);
    assert_eq!(super::reason(entity.as_bytes()), Reason::UnsupportedFormat);
    // A script is an element that draws nothing.
    make(&svg("<script>while (true) {}</script><rect width='9' height='9'/>"), 100);
}

#[test]
fn what_would_take_too_long_is_rejected() {
    let laugh = |i: u32| format!("<!ENTITY a{i} \"{}\">", format!("&a{};", i - 1).repeat(10));
    let laughs: String = (1..9).map(laugh).collect();
    let laughs =
        format!("<!DOCTYPE svg [<!ENTITY a0 \"ha\">{laughs}]><svg xmlns='http://www.w3.org/2000/svg'>&a8;</svg>");
    assert_eq!(super::reason(laughs.as_bytes()), Reason::UnsupportedFormat);

    let uses = |i: u32| format!("<g id='u{i}'>{}</g>", format!("<use href='#u{}'/>", i - 1).repeat(10));
    let uses: String = (1..9).map(uses).collect();
    assert_eq!(
        rejected(&format!("<defs><rect id='u0' width='9' height='9'/>{uses}</defs><use href='#u8'/>")),
        Reason::TooComplex
    );
    assert_eq!(rejected("<g id='a'><use href='#b'/></g><g id='b'><use href='#a'/></g>"), Reason::TooComplex);

    let masks = |i: u32| format!("<mask id='m{i}'>{}</mask>", format!("<rect mask='url(#m{})'/>", i - 1).repeat(10));
    let masks: String = (1..9).map(masks).collect();
    assert_eq!(rejected(&format!("<mask id='m0'/>{masks}<rect style='mask:url(#m8)'/>")), Reason::TooComplex);
    assert_eq!(rejected("<style>rect{mask:url(#a)}</style><mask id='a'><rect/></mask>"), Reason::UnsupportedFormat);

    for deep in [200, 20_000] {
        assert_eq!(rejected(&format!("{}{}", "<g>".repeat(deep), "</g>".repeat(deep))), Reason::TooComplex, "{deep}");
    }
    assert_eq!(rejected(&"<g/>".repeat(60_000)), Reason::TooComplex);
    assert_eq!(rejected(&format!("<style>{}</style>{}", "a{}".repeat(5000), "<g/>".repeat(5000))), Reason::TooComplex);
    assert_eq!(rejected(&" ".repeat(3 << 20)), Reason::TooComplex);
    assert_eq!(
        rejected("<filter id='f' width='1e9'><feGaussianBlur stdDeviation='1e9'/></filter>"),
        Reason::UnsupportedFormat
    );
    let dashes = "<path d='M0 0H1e6' stroke='#000' stroke-dasharray='.001'/>";
    assert_eq!(rejected(dashes), Reason::TooComplex);
    let file = String::from_utf8(svg(&"<rect width='9000' height='9000' opacity='.5'/>".repeat(9000))).unwrap();
    let file = file.replace(r#"width="120" height="80""#, r#"width="900" height="900""#);
    assert_eq!(super::reason(file.as_bytes()), Reason::TooComplex);
}

#[test]
fn what_is_no_svg_is_told() {
    assert_eq!(super::reason(b"<html><svg xmlns='http://www.w3.org/2000/svg'/></html>"), Reason::UnsupportedFormat);
    assert_eq!(super::reason(b"<a><svg xmlns='http://www.w3.org/2000/svg'/></a>"), Reason::UnsupportedFormat);
    assert_eq!(super::reason(b"<svg/>"), Reason::UnsupportedFormat);
    assert_eq!(rejected("<rect>"), Reason::Corrupt);
    assert_eq!(super::reason(b"<svg xmlns='http://www.w3.org/2000/svg' width='0' height='9'/>"), Reason::Corrupt);
    assert_eq!(super::reason(b"\x1f\x8b\x08\0"), Reason::UnsupportedFormat);
}
