"""Sample messages of Bharat Connect in XML, and how they are read."""
