import java.io.ByteArrayInputStream;
import java.io.FileInputStream;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.cert.CertPath;
import java.security.cert.CertPathValidator;
import java.security.cert.CertificateFactory;
import java.security.cert.PKIXParameters;
import java.security.cert.TrustAnchor;
import java.security.cert.X509Certificate;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Date;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import javax.xml.crypto.dom.DOMStructure;
import javax.xml.crypto.dsig.Reference;
import javax.xml.crypto.dsig.XMLSignature;
import javax.xml.crypto.dsig.XMLSignatureFactory;
import javax.xml.crypto.dsig.dom.DOMValidateContext;
import javax.xml.crypto.dsig.keyinfo.X509Data;
import javax.xml.parsers.DocumentBuilderFactory;
import org.w3c.dom.Document;
import org.w3c.dom.Element;
import org.w3c.dom.Node;
import org.w3c.dom.NodeList;

/**
 * Verifies signed documents with nothing but the JDK: signature, chain to an anchor, and extended key
 * usage of the signer and of its issuer. What an agent written in Java would have to do.
 *
 * <p>Usage: java VerifyDocument ANCHORS.pem EKU-OID TIME DOCUMENT...
 * One line per document: "accepted SUBJECT" or "refused REASON". Exit code 0 if all were accepted.
 */
public final class VerifyDocument {
    private final Set<TrustAnchor> anchors;
    private final String usage;
    private final Date time;

    private VerifyDocument(Set<TrustAnchor> anchors, String usage, Date time) {
        this.anchors = anchors;
        this.usage = usage;
        this.time = time;
    }

    public static void main(String[] arguments) throws Exception {
        Set<TrustAnchor> anchors = new HashSet<>();
        try (InputStream file = new FileInputStream(arguments[0])) {
            for (var one : CertificateFactory.getInstance("X.509").generateCertificates(file)) {
                anchors.add(new TrustAnchor((X509Certificate) one, null));
            }
        }
        var verifier = new VerifyDocument(anchors, arguments[1], Date.from(Instant.parse(arguments[2])));
        boolean all = true;
        for (int i = 3; i < arguments.length; i++) {
            String answer;
            try {
                answer = "accepted " + verifier.verify(Files.readAllBytes(Path.of(arguments[i])));
            } catch (Exception refusal) {
                answer = "refused " + String.valueOf(refusal.getMessage()).replaceAll("\\s+", " ");
                all = false;
            }
            System.out.println(answer);
        }
        System.exit(all ? 0 : 1);
    }

    /** Returns the signer's subject, or throws what is wrong. */
    private String verify(byte[] bytes) throws Exception {
        Document document = parse(bytes);
        NodeList found = document.getElementsByTagNameNS(XMLSignature.XMLNS, "Signature");
        if (found.getLength() != 1 || found.item(0) != lastElement(document.getDocumentElement())) {
            throw new Exception("not exactly one signature as last child of the root");
        }
        var factory = XMLSignatureFactory.getInstance("DOM");
        // Only unmarshals; which key may verify is known once the chain is.
        XMLSignature signature = factory.unmarshalXMLSignature(new DOMStructure(found.item(0)));
        List<X509Certificate> chain = order(certificates(signature));
        checkChain(chain);
        checkUsage(chain);
        var context = new DOMValidateContext(chain.get(0).getPublicKey(), found.item(0));
        context.setProperty("org.jcp.xml.dsig.secureValidation", Boolean.TRUE);
        List<Reference> references = signature.getSignedInfo().getReferences();
        if (references.size() != 1 || !"".equals(references.get(0).getURI())) {
            throw new Exception("not exactly one reference to the whole document");
        }
        if (!signature.validate(context)) {
            throw new Exception("the signature does not hold");
        }
        return chain.get(0).getSubjectX500Principal().getName();
    }

    private static Document parse(byte[] bytes) throws Exception {
        var factory = DocumentBuilderFactory.newInstance();
        factory.setNamespaceAware(true);
        factory.setFeature("http://apache.org/xml/features/disallow-doctype-decl", true);
        var builder = factory.newDocumentBuilder();
        builder.setErrorHandler(null);
        return builder.parse(new ByteArrayInputStream(bytes));
    }

    private static Node lastElement(Element root) {
        Node node = root.getLastChild();
        while (node != null && !(node instanceof Element)) {
            node = node.getPreviousSibling();
        }
        return node;
    }

    private static List<X509Certificate> certificates(XMLSignature signature) throws Exception {
        List<X509Certificate> found = new ArrayList<>();
        for (var content : signature.getKeyInfo().getContent()) {
            if (!(content instanceof X509Data)) {
                throw new Exception("KeyInfo holds more than certificates");
            }
            for (var one : ((X509Data) content).getContent()) {
                found.add((X509Certificate) one);
            }
        }
        return found;
    }

    /** Leaf first, each followed by its issuer, without the anchor: the order is not the document's to give. */
    private List<X509Certificate> order(Collection<X509Certificate> all) throws Exception {
        List<X509Certificate> chain = new ArrayList<>();
        for (var one : all) {
            if (all.stream().noneMatch(o -> o != one && o.getIssuerX500Principal().equals(one.getSubjectX500Principal()))) {
                chain.add(one);
            }
        }
        if (chain.size() != 1) {
            throw new Exception("not exactly one certificate could be the signer's");
        }
        for (boolean grown = true; grown; ) {
            grown = false;
            var last = chain.get(chain.size() - 1);
            for (var one : all) {
                boolean selfSigned = one.getSubjectX500Principal().equals(one.getIssuerX500Principal());
                if (!selfSigned && one.getSubjectX500Principal().equals(last.getIssuerX500Principal())) {
                    chain.add(one);
                    grown = true;
                    break;
                }
            }
        }
        return chain;
    }

    private void checkChain(List<X509Certificate> chain) throws Exception {
        CertPath path = CertificateFactory.getInstance("X.509").generateCertPath(chain);
        var parameters = new PKIXParameters(anchors);
        parameters.setRevocationEnabled(false);
        parameters.setDate(time);
        CertPathValidator.getInstance("PKIX").validate(path, parameters);
    }

    private void checkUsage(List<X509Certificate> chain) throws Exception {
        if (chain.size() < 2) {
            throw new Exception("the issuing CA is missing");
        }
        for (var one : chain.subList(0, 2)) {
            var usages = one.getExtendedKeyUsage();
            if (usages == null || !usages.contains(usage)) {
                throw new Exception("extended key usage " + usage + " is missing in " + one.getSubjectX500Principal());
            }
        }
        var leaf = chain.get(0);
        if (leaf.getKeyUsage() == null || !leaf.getKeyUsage()[0] || leaf.getBasicConstraints() != -1) {
            throw new Exception("the signer's certificate is not for signing documents");
        }
    }
}
