import java.io.File;
import javax.xml.XMLConstants;
import javax.xml.transform.stream.StreamSource;
import javax.xml.validation.Schema;
import javax.xml.validation.SchemaFactory;

/**
 * Says whether documents follow a grammar, as an agent's author would find out with the JDK alone.
 *
 * Usage: ValidateDocument SCHEMA.xsd DOCUMENT... ; one line for each document: "ok", or "invalid" and why.
 */
public final class ValidateDocument {
    private ValidateDocument() { }

    public static void main(String[] arguments) throws Exception {
        SchemaFactory factory = SchemaFactory.newInstance(XMLConstants.W3C_XML_SCHEMA_NS_URI);
        // Included schemas lie in the same folder; nothing is fetched from anywhere else.
        factory.setProperty(XMLConstants.ACCESS_EXTERNAL_DTD, "");
        factory.setProperty(XMLConstants.ACCESS_EXTERNAL_SCHEMA, "file");
        factory.setFeature("http://apache.org/xml/features/validation/schema-full-checking", true);
        Schema schema = factory.newSchema(new File(arguments[0]));
        for (int i = 1; i < arguments.length; i++) {
            try {
                schema.newValidator().validate(new StreamSource(new File(arguments[i])));
                System.out.println("ok");
            } catch (org.xml.sax.SAXException error) {
                System.out.println("invalid " + error.getMessage());
            }
        }
    }
}
