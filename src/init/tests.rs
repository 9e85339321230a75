use super::*;
use crate::tree::MemorySources;

#[test]
fn a_folder_with_nothing_known_is_taken_as_it_is() {
    let start = of_project(&MemorySources::new(), "x", &Options::default()).expect("a start");
    assert_eq!((start.kind, start.because.as_str()), (Kind::Other, ""));
    assert!(start.documents[0].text.contains("name: registry.example.com/x"), "{}", start.documents[0].text);
}
