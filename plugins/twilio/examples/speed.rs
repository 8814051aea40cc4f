use dndgate_adapter::*; use http::*; use std::time::Instant;
fn main(){ let mut headers=HeaderMap::new(); headers.insert("content-type",HeaderValue::from_static("application/x-www-form-urlencoded"));
 headers.insert("user-agent",HeaderValue::from_static("x")); headers.insert("accept",HeaderValue::from_static("x"));headers.insert("authorization",HeaderValue::from_static("Basic x"));
 let head=Head{method:&Method::POST,host:None,path:"/2010-04-01/Accounts/AC0123456789abcdef0123456789abcdef/Messages.json",query:None,headers:&headers};
 let body=b"To=%2B14155550100&From=%2B15005550006&Body=Hello+there%2C+this+is+a+test+message+of+usual+length%21+Reply+STOP&StatusCallback=https%3A%2F%2Fcrm.example.com%2Fstatus";
 for _ in 0..3 { let n=1_000_000; let t=Instant::now(); let mut k=0; for _ in 0..n { let h=std::hint::black_box(head); if dndgate_twilio::TWILIO.look(&h).is_ok(){k+=1;} } println!("look {:?}", t.elapsed()/n);
 let t=Instant::now(); for _ in 0..n { let h=std::hint::black_box(head); if let Ok(Outbound::Send(s))=dndgate_twilio::TWILIO.read(&Request{head:h,body:std::hint::black_box(body)}){k+=s.recipients.len();} } println!("read {:?} {k}", t.elapsed()/n); } }
