import DOMPurify from "dompurify";

const GREETING = "<b>hello</b>";

export function Comment({ comment }: { comment: { text: string } }) {
  // ruleid: javascript-react-raw-html
  const raw = <p dangerouslySetInnerHTML={{ __html: comment.text }} />;
  // ruleid: javascript-react-raw-html
  const built = <p className="c" dangerouslySetInnerHTML={{ __html: "<b>" + comment.text + "</b>" }} />;
  // ok: javascript-react-raw-html
  const clean = <p dangerouslySetInnerHTML={{ __html: DOMPurify.sanitize(comment.text) }} />;
  // ok: javascript-react-raw-html
  const fixed = <p dangerouslySetInnerHTML={{ __html: GREETING }} />;
  // ok: javascript-react-raw-html
  const text = <p>{comment.text}</p>;
  return [raw, built, clean, fixed, text];
}
